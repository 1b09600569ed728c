// One suite over both implementations of `Sys`: unit tests run on the one, plugins on the other.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sys } from '../src/host/sys.ts'
import { buildProgram } from './harness/native.ts'
import { runCase, sysTable } from './harness/sys-table.ts'

const dir = mkdtempSync(join(tmpdir(), 'podwire-sys-'))
afterAll(() => rmSync(dir, { recursive: true }))

let native: unknown[] = []
beforeAll(() => {
  mkdirSync(join(dir, 'native'))
  const output = execFileSync(buildProgram('sys-table'), [join(dir, 'native')], { encoding: 'utf8' })
  native = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
})

describe.each(['native host', 'unit tests’ host'])('the %s', (name) => {
  it.each(sysTable.map((entry, i) => [entry.title, i] as const))('%s', (title, i) => {
    const entry = sysTable[i]
    if (!entry) throw new Error(`no case ${title}`)
    const own = join(dir, `${i}`)
    if (name !== 'native host') mkdirSync(own)
    expect(name === 'native host' ? native[i] : runCase(entry, sys, own)).toEqual(entry.expected)
  })
})
