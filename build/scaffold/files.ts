// What a new plugin consists of: its own files from the texts next to this one, and its lines in the program's table and in the bundle.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface NewFile {
  /** From the root. */
  readonly path: string
  readonly text: string
}

const here = import.meta.dirname
const table = 'src/plugin/main.ts'
const map = 'docs/README.md'
const bundle = 'src/plugin/bundles/misc.ts'

/** Why a plugin cannot be called so; undefined where it can. */
export function nameProblem(name: string, taken: readonly string[]): string | undefined {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) return `${JSON.stringify(name)} is not a name: lower case letters, digits and hyphens`
  return taken.includes(name) ? `${name} is a plugin already` : undefined
}

/** The names in the program's table. */
export function pluginNames(root: string): string[] {
  const text = readFileSync(join(root, table), 'utf8')
  return [...(/^const plugins = \[(.*?)\]$/ms.exec(text)?.[1] ?? '').matchAll(/'([\w-]+)'/g)].map(([, name = '']) => name)
}

/** The files that are new. */
export function ownFiles(name: string): NewFile[] {
  const fill = (file: string) => readFileSync(join(here, `${file}.txt`), 'utf8').replaceAll('NAME', name)
  const folder = `src/plugin/plugins/${name}`
  return [
    { path: `${folder}/index.ts`, text: fill('index.ts') },
    { path: `${folder}/${name}.netns.test.ts`, text: fill('netns.test.ts') },
    { path: `docs/plugins/${name}.md`, text: fill('page.md') },
  ]
}

/** The files that get a line, as they are then but for the order of imports. The plugin runs seldom until it is known better, so it goes into the bundle of those. */
export function changedFiles(root: string, name: string): NewFile[] {
  const read = (file: string) => readFileSync(join(root, file), 'utf8')
  const segment = /([\w-]+)=src\/plugin\/bundles\/misc\.ts/.exec(read('build/plugins.sh'))?.[1] ?? ''
  const key = name.includes('-') ? `'${name}'` : name
  const alias = name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  const inTable = addLine(read(table), 'const plugins = [', ']', `  '${name}',`)
  const imported = `import { program as ${alias} } from '../plugins/${name}/index.ts'`
  const inBundle = read(bundle).replace(/^export const programs.* = \{ (.*) \}$/m, (line, list: string) => {
    const entries = [...list.split(', '), alias === name ? name : `${key}: ${alias}`].sort(byWord)
    return `${line.slice(0, line.indexOf('{'))}{ ${entries.join(', ')} }`
  })
  return [
    { path: table, text: addLine(inTable, 'const together', '}', `  ${key}: '${segment}',`) },
    { path: map, text: read(map).replace(/^\| \[cnitool\]/m, `| [${name}](plugins/${name}.md) | an interface's alias |\n$&`) },
    { path: bundle, text: addLine(inBundle, 'import type { Program }', '', imported) },
  ]
}

const byWord = (a: string, b: string) => (a.replace(/'/g, '') < b.replace(/'/g, '') ? -1 : 1)

/** Puts a line where it belongs in the alphabet, between the line that begins with `from` and the one that is `to`. */
function addLine(text: string, from: string, to: string, line: string): string {
  const lines = text.split('\n')
  const begin = lines.findIndex((other) => other.startsWith(from)) + 1
  const length = lines.slice(begin).indexOf(to)
  const place = lines.slice(begin, begin + length).findIndex((other) => byWord(line, other) < 0)
  return lines.toSpliced(begin + (place < 0 ? length : place), 0, line).join('\n')
}
