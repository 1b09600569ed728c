// The repository's pages (every Markdown file that git knows), and what a link in one may point at.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../image/script.ts'

export interface Page {
  /** Below the root of the repository, as `docs/install.md`. */
  readonly path: string
  readonly lines: readonly string[]
}

/** Every file of the repository, also those not committed yet, and every directory that has one; paths below the root. */
export function repositoryPaths(): ReadonlySet<string> {
  const git = ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate']
  const files = execFileSync('git', git, { cwd: root, encoding: 'utf8' }).trim().split('\n')
  const paths = new Set(['.'])
  for (const file of files) for (let path = file; path !== '.'; path = dirname(path)) paths.add(path)
  return paths
}

export function readPages(paths = repositoryPaths()): readonly Page[] {
  const pages = [...paths].filter((path) => path.endsWith('.md')).sort()
  return pages.map((path) => ({ path, lines: readFileSync(join(root, path), 'utf8').split('\n') }))
}

/** The lines outside fenced blocks, with the number of each; inline code is blanked. */
export function proseLines({ lines }: Page): readonly { readonly text: string; readonly number: number }[] {
  let fence = ''
  return lines.flatMap((line, index) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1] ?? ''
    if (fence === '' && mark !== '') fence = mark
    else if (fence !== '' && mark.startsWith(fence)) fence = ''
    else if (fence === '') return [{ text: line.replace(/`[^`]*`/g, (code) => ' '.repeat(code.length)), number: index + 1 }]
    return []
  })
}

/** What GitHub and the site make of a heading: `What it does!` → `what-it-does`. */
export function anchorOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replace(/ /g, '-')
}
