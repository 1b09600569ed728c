// What each plugin of dist/cni is built from, as build/plugins.sh and the program's own table have it.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Plugins {
  /** A segment of the program → its entry. */
  readonly segments: ReadonlyMap<string, string>
  /** A plugin's name → the files that it starts from. `podwire-command` is the operator's command. */
  readonly entries: ReadonlyMap<string, readonly string[]>
  /** Those that a test with this text, and these strings in it, calls; all where it has the folder on its PATH and names none. */
  called(text: string, strings: readonly string[]): string[]
}

/** The built program of a plugin, as the graph names it. */
export const programOf = (name: string): string => `dist/cni/${name}`

const command = 'podwire-command'

export function readPlugins(root: string): Plugins {
  const read = (file: string) => (existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '')
  const main = read('src/plugin/main.ts')
  const segments = new Map(
    [...read('build/plugins.sh').matchAll(/\+?([\w-]+)=(src\/\S+\.ts)/g)].map(([, name = '', file = '']) => [name, file]),
  )
  const names = [...(/^const plugins = \[(.*?)\]$/ms.exec(main)?.[1] ?? '').matchAll(/'([\w-]+)'/g)].map(([, name = '']) => name)
  const bundles = new Map([...main.matchAll(/^ {2}'?([\w-]+)'?: '([\w-]+)',$/gm)].map(([, name = '', segment = '']) => [name, segment]))
  const start = ['src/plugin/main.ts', 'build/plugins.sh', 'build/native.sh']
  const from = (segment: string) => [...start, ...[segments.get(segment) ?? []].flat()]
  const entries = new Map([...names.map((name) => [name, from(bundles.get(name) ?? name)] as const), [command, from('cli')]])
  const verbs = existsSync(join(root, 'src/cli')) ? readdirSync(join(root, 'src/cli')).map((file) => file.replace(/\.ts$/, '')) : []
  const called = (text: string, strings: readonly string[]) => {
    // The pages call them all.
    if (text.includes('stepsOf(page)')) return [...names, command]
    const plugins = names.filter((name) => strings.includes(name))
    const commands = text.includes("pluginPath, 'podwire'") || (plugins.includes('podwire') && verbs.some((verb) => strings.includes(verb)))
    // Its commands come from elsewhere: from pages, for instance.
    if (plugins.length === 0 && text.includes('dist/cni:')) return [...names, command]
    return commands ? [...plugins, command] : plugins
  }
  return { segments, entries, called }
}
