// `node build/chart-readme.ts`: helm/podwire/README.md from its head and the comments of values.yaml. A test compares the file with what this makes.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { load } from 'js-yaml'

type Values = { readonly [key: string]: unknown }

const isObject = (value: unknown): value is Values => typeof value === 'object' && value !== null && !Array.isArray(value)
const chart = fileURLToPath(new URL('../helm/podwire/', import.meta.url))

export interface Row {
  readonly key: string
  readonly default: string
  readonly about: string
}

/** A row for each key with a comment that begins with `-- `, in the order of the file. Throws where a key has neither such a comment nor keys with one. */
export function readRows(yaml: string): Row[] {
  const values = load(yaml)
  const rows: Row[] = []
  const path: string[] = []
  let about: string | undefined
  let covered = -1
  for (const [i, line] of yaml.split('\n').entries()) {
    const comment = /^\s*# -- (.*)$/.exec(line)?.[1]
    if (comment !== undefined) about = comment
    const [, indent = '', key = ''] = /^(\s*)([A-Za-z]\w*):/.exec(line) ?? []
    if (key === '') continue
    const depth = indent.length / 2
    // The inside of a key that has its row.
    if (covered >= 0 && depth > covered) continue
    covered = -1
    path.splice(depth)
    path.push(key)
    const value = path.reduce<unknown>((outer, step) => (isObject(outer) ? outer[step] : undefined), values)
    if (about !== undefined) {
      rows.push({ key: path.join('.'), default: JSON.stringify(value), about })
      covered = depth
    } else if (!isObject(value)) throw new Error(`values.yaml:${i + 1}: ${path.join('.')} has no comment that begins with --`)
    about = undefined
  }
  return rows
}

/** The whole page. */
export function makeReadme(head: string, yaml: string): string {
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const rows = readRows(yaml).map((row) => `| \`${row.key}\` | \`${cell(row.default)}\` | ${cell(row.about)} |`)
  return `${head.trimEnd()}\n\n## Values\n\n| key | default | |\n|---|---|---|\n${rows.join('\n')}\n`
}

export function chartReadme(): string {
  return makeReadme(readFileSync(`${chart}README.md.head`, 'utf8'), readFileSync(`${chart}values.yaml`, 'utf8'))
}

if (import.meta.main) writeFileSync(`${chart}README.md`, chartReadme())
