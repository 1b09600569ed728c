import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { brokenLinks, linksOf } from '../../build/pages/links.ts'
import { readPages, repositoryPaths } from '../../build/pages/pages.ts'

const docs = 'docs/'
const page = (path: string, text: string) => ({ path, lines: text.split('\n') })

it('every link of every page leads to a file or heading of the repository', () => {
  expect(brokenLinks()).toEqual([])
})

it('every page of docs is linked from the map of its directory: docs/README.md or docs/decisions/README.md', () => {
  const pages = readPages()
  const linkedFrom = (map: string) => {
    const links = pages.filter(({ path }) => path === map).flatMap(linksOf)
    return new Set(links.map(({ target }) => join(dirname(map), target.split('#')[0] ?? '')))
  }
  const [ofDocs, ofDecisions] = [linkedFrom('docs/README.md'), linkedFrom('docs/decisions/README.md')]
  const paths = pages.map(({ path }) => path).filter((path) => path.startsWith(docs) && path !== 'docs/README.md')
  expect(paths.filter((path) => !ofDocs.has(path) && !ofDecisions.has(path))).toEqual([])
})

it('every file that CONTRIBUTING names under "Where do I change" exists', () => {
  const text =
    readPages()
      .find(({ path }) => path === 'CONTRIBUTING.md')
      ?.lines.join('\n') ?? ''
  const table = /## Where do I change.*?\n## /s.exec(text)?.[0] ?? ''
  const named = [...table.matchAll(/`((?:[\w-]+\/)+[\w.-]+\.\w+)`/g)].map(([, path = '']) => path)
  const paths = repositoryPaths()
  expect(named.length).toBeGreaterThan(15)
  expect(named.filter((path) => !paths.has(path) && !paths.has(`src/${path}`) && !paths.has(`helm/podwire/${path}`))).toEqual([])
})

it('a link is broken when file or heading does not exist, or a file without headings has an anchor', () => {
  const pages = [
    page('docs/a.md', '# A `b` c\n[ok](a.md#a-b-c) [up](../README.md) [gone](gone.md) [none](#none)\n```\n[code](code.md)\n```\n`[x](y)`'),
    page('README.md', '<source srcset="docs/a.svg"> [lines](docs/a.svg#L1) [out](https://example.org)\n## Twice\n## Twice\n[2](#twice-1)'),
  ]
  const paths = new Set(['.', 'docs', 'docs/a.md', 'README.md', 'docs/a.svg'])
  expect(brokenLinks(pages, paths)).toEqual([
    'docs/a.md:2: gone.md: not in the repository',
    'docs/a.md:2: #none: no heading #none in docs/a.md',
    'README.md:1: docs/a.svg#L1: an anchor in a file that is not a page',
  ])
})
