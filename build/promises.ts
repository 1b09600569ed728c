// dist/promises.md: what the tests say that podwire does, a page to read. The titles are collected, no test is run: `node build/promises.ts`.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Listed {
  readonly name: string
  readonly file: string
}

/** A section for each folder, a paragraph for each suite, a line for each test, in the order in which they were listed. */
export function promisesPage(root: string, tests: readonly Listed[]): string {
  const lines = ['# What podwire promises', '', `${tests.length} tests, by the folder that they lie in. Written by \`make promises\`.`]
  let folder = ''
  let suite = ''
  for (const { name, file } of tests) {
    const path = relative(root, file)
    const titles = name.split(' > ')
    const test = titles.pop() ?? ''
    if (dirname(path) !== folder) lines.push('', `## ${dirname(path)}`)
    const heading = titles.join(': ') || path.replace(/^.*\/|(\.netns)?\.test\.ts$/g, '')
    if (`${path} ${heading}` !== suite || dirname(path) !== folder) lines.push('', `**${heading}**`, '')
    folder = dirname(path)
    suite = `${path} ${heading}`
    lines.push(`- ${test}`)
  }
  return `${lines.join('\n')}\n`
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const output = execFileSync(process.execPath, ['node_modules/.bin/vitest', 'list', '--json'], {
    cwd: root,
    maxBuffer: 2 ** 26,
    encoding: 'utf8',
  })
  // Vitest's own list: name and file of each test.
  const tests = JSON.parse(output.slice(output.indexOf('['))) as Listed[]
  // By folder first: a folder's own files are not parted by those of the folders in it.
  const place = ({ file }: Listed) => `${relative(root, dirname(file))} ${file}`
  const byFile = tests.toSorted((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0))
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(join(root, 'dist/promises.md'), promisesPage(root, byFile))
  console.log(`dist/promises.md: ${tests.length} tests`)
}
