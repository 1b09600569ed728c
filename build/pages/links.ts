// Which links of the pages lead nowhere: to a file that the repository does not have, or to a heading that the page does not have. Links to the Internet are not followed.

import { dirname, join, normalize } from 'node:path'
import { anchorOf, type Page, proseLines, readPages, repositoryPaths } from './pages.ts'

export interface Link {
  readonly target: string
  readonly line: number
}

/** One line for each broken link: `docs/install.md:12: ../nowhere.md: not in the repository`. */
export function brokenLinks(pages: readonly Page[] = readPages(), paths: ReadonlySet<string> = repositoryPaths()): readonly string[] {
  const anchors = new Map(pages.map((page) => [page.path, anchorsOf(page)]))
  return pages.flatMap((page) =>
    linksOf(page).flatMap(({ target, line }) => {
      const problem = problemWith(target, page, paths, anchors)
      return problem === undefined ? [] : [`${page.path}:${line}: ${target}: ${problem}`]
    }),
  )
}

/** `[text](target)`, `src="target"` and `srcset="target"`, in their order. */
export function linksOf(page: Page): readonly Link[] {
  return proseLines(page).flatMap(({ text, number }) =>
    [...text.matchAll(/\]\(([^()\s]+)\)|\b(?:src|srcset|href)="([^"]+)"/g)].map(([, link, attribute]) => ({
      target: link ?? attribute ?? '',
      line: number,
    })),
  )
}

function anchorsOf(page: Page): ReadonlySet<string> {
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  // Headings may have inline code, which proseLines blanks: the raw line has the text.
  for (const { text, number } of proseLines(page)) {
    if (!/^#{1,6} /.test(text)) continue
    const anchor = anchorOf((page.lines[number - 1] ?? '').replace(/^#+ /, ''))
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    anchors.add(times === 0 ? anchor : `${anchor}-${times}`)
  }
  return anchors
}

function problemWith(
  target: string,
  page: Page,
  paths: ReadonlySet<string>,
  anchors: ReadonlyMap<string, ReadonlySet<string>>,
): string | undefined {
  if (/^[a-z]+:/.test(target)) return undefined
  const [file = '', anchor] = target.split('#')
  const path = file === '' ? page.path : normalize(join(dirname(page.path), decodeURI(file))).replace(/\/$/, '')
  if (!paths.has(path)) return 'not in the repository'
  if (anchor === undefined) return undefined
  const known = anchors.get(path)
  if (known === undefined) return 'an anchor in a file that is not a page'
  return known.has(anchor) ? undefined : `no heading #${anchor} in ${path}`
}
