// Which file needs which, over the whole tree: imports, files that are named in a string, and the plugins that a test calls by name.
// Too many edges cost a test that need not run, too few one that had to: what is in doubt is an edge.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { blank, imports } from '../source-text.ts'
import { type Plugins, programOf, readPlugins } from './plugins.ts'

/** File → what it needs, as paths from the root; `contentOf` one where it is only read, so that what it needs in turn does not matter. */
export type Graph = ReadonlyMap<string, readonly string[]>

export const contentOf = (file: string): string => `content of ${file}`

const unread = ['node_modules', 'dist', '.git']

export function readGraph(root: string): Graph {
  const files = listFiles(root)
  const known = new Set(files)
  const plugins = readPlugins(root)
  const needs = (file: string) => (file.endsWith('.ts') ? needsOfSource(root, file, known, plugins) : needsOfScript(root, file, known))
  const graph = new Map<string, readonly string[]>(files.map((file) => [file, /\.(ts|js|sh)$/.test(file) ? needs(file) : []]))
  for (const file of files) graph.set(contentOf(file), [])
  for (const [name, entries] of plugins.entries) graph.set(programOf(name), entries)
  return graph
}

function listFiles(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return unread.includes(entry.name) ? [] : listFiles(root, path)
    return entry.isFile() ? [path] : []
  })
}

function needsOfSource(root: string, file: string, known: ReadonlySet<string>, plugins: Plugins): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const imported = imports(text, blank(text)).flatMap(({ target }) => resolve(file, target, known))
  const strings = literals(text)
  const loaded =
    text.includes('loadSegment') && file !== 'src/plugin/main.ts' ? strings.flatMap((name) => plugins.segments.get(name) ?? []) : []
  const underTest = file.startsWith('test/') || imported.some((path) => path.startsWith('test/'))
  return [
    ...imported,
    ...strings.filter((name) => /[/.]/.test(name)).flatMap((name) => resolve(file, name, known)),
    ...[...text.matchAll(/join\(root, '([\w-]+)'/g)].flatMap(([, folder = '']) => below(folder, known)),
    ...[...text.matchAll(/buildProgram\('([\w-]+)'/g)].flatMap(([, name]) => resolve('', `test/programs/${name}.ts`, known)),
    ...loaded,
    ...(underTest ? plugins.called(text, strings).map(programOf) : []),
  ]
}

/** The tokens that are files, on lines that are no comment. The programs' own list has its own reader. */
function needsOfScript(root: string, file: string, known: ReadonlySet<string>): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const lines = text.split('\n').filter((line) => !/^\s*(#|\/\/)/.test(line) && !(file === 'build/plugins.sh' && line.includes('=src/')))
  return lines.flatMap((line) => (line.match(/[\w./-]+[/.][\w.-]*/g) ?? []).flatMap((token) => resolve(file, token, known)))
}

/** String literals of one path-like word, in `NAME=PATH` both; comments excepted. */
function literals(text: string): string[] {
  const code = text.split('\n').filter((line) => !/^\s*(\/\/|\/?\*)/.test(line))
  return [...code.join('\n').matchAll(/(?<!(?:startsWith|includes|split)\()(['"`])([\w.@/+=-]*\w[\w.@/+=-]*)\1/g)].flatMap(
    ([, , literal = '']) => literal.split('='),
  )
}

/** A name beside the file or from the root: that file, or all files of that folder. */
function resolve(file: string, name: string, known: ReadonlySet<string>): string[] {
  const candidates = [join(dirname(file), name), join('.', name.replace(/^\/+/, ''))].filter(
    (path) => !path.startsWith('..') && path !== '.',
  )
  const exact = candidates.find((path) => known.has(path))
  if (exact !== undefined) return [exact]
  return name.includes('/') && !name.startsWith('.') ? candidates.flatMap((path) => below(path.replace(/\/$/, ''), known)) : []
}

function below(folder: string, known: ReadonlySet<string>): string[] {
  return [...known].filter((path) => path.startsWith(`${folder}/`)).map(contentOf)
}
