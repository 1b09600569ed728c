// `node build/site/stage.ts FOLDER`: the pages as the site has them. README.md becomes index.md of its folder; a link to a file of the repository
// that is not a page becomes one to a copy below /files, a link to a folder one to a list of it.

import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { root } from '../image/script.ts'
import { brokenLinks, linksOf } from '../pages/links.ts'
import { type Page, readPages, repositoryPaths } from '../pages/pages.ts'

const out = process.argv[2] ?? 'dist/docs-pages'
const paths = repositoryPaths()
const pages = readPages(paths)
const names = new Map(pages.map(({ path }) => [path, path.replace(/(^|\/)README\.md$/, '$1index.md')]))

const broken = brokenLinks(pages, paths)
if (broken.length > 0) {
  console.error(broken.join('\n'))
  process.exit(1)
}
rmSync(out, { recursive: true, force: true })
for (const page of pages) write(names.get(page.path) ?? page.path, withSiteLinks(page))

function withSiteLinks(page: Page): string {
  const lines = [...page.lines]
  for (const { target, line } of linksOf(page)) {
    const at = line - 1
    lines[at] = (lines[at] ?? '')
      .replaceAll(`(${target})`, `(${siteLink(target, page)})`)
      .replaceAll(`"${target}"`, `"${siteLink(target, page)}"`)
  }
  return lines.join('\n')
}

function siteLink(target: string, page: Page): string {
  if (/^[a-z]+:|^#|^\//.test(target)) return target
  const [file = '', anchor] = target.split('#')
  const path = normalize(join(dirname(page.path), file)).replace(/\/$/, '')
  const suffix = anchor === undefined ? '' : `#${anchor}`
  const name = names.get(path) ?? names.get(`${path}/README.md`)
  if (name !== undefined) return `/${name}${suffix}`
  return isFolder(path) ? listOf(path) : copyOf(path)
}

/** Pictures stay what they are; other files are shown as text. */
function copyOf(path: string): string {
  const copy = /\.(svg|png)$/.test(path) ? `files/${path}` : `files/${path}.txt`
  mkdirSync(join(out, 'public', dirname(copy)), { recursive: true })
  copyFileSync(join(root, path), join(out, 'public', copy))
  return `/${copy}`
}

function listOf(folder: string): string {
  const entries = [...paths].filter((path) => dirname(path) === folder && path !== '.').sort()
  const items = entries.map((path) =>
    isFolder(path) ? `- ${basename(path)}/` : `- [${basename(path)}](${names.has(path) ? `/${names.get(path)}` : copyOf(path)})`,
  )
  write(`files/${folder}.md`, `# ${folder}\n\n${items.join('\n')}\n`)
  return `/files/${folder}.md`
}

function isFolder(path: string): boolean {
  return path === '.' || [...paths].some((other) => other.startsWith(`${path}/`))
}

function write(name: string, text: string): void {
  mkdirSync(join(out, dirname(name)), { recursive: true })
  writeFileSync(join(out, name), text)
}
