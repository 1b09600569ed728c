// The log under the native host: many processes, one file. (What one process writes is tested beside src/host/log.ts.)

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildProgram } from './harness/native.ts'

let program = ''
let dir = ''
beforeAll(() => {
  program = buildProgram('log')
})
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwire-log-'))
  return () => rmSync(dir, { recursive: true })
})

const writers = 20
const entriesEach = 50
const writeTogether = (file: string) =>
  Promise.all(Array.from({ length: writers }, (_, i) => once(spawn(program, [file, `writer${i}`, String(entriesEach)]), 'exit')))

const expected = Array.from({ length: writers }, (_, i) =>
  Array.from({ length: entriesEach }, (_, n) => `entry name=writer${i} number=${n}`),
).flat()
const linesIn = (folder: string) => readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
const entriesIn = (folder: string) => linesIn(folder).flatMap((line) => /info (entry .*)$/.exec(line)?.[1] ?? [])

describe('the log of twenty processes', () => {
  it('has every entry once when they share a file', async () => {
    await writeTogether(join(dir, 'podwire.log'))
    expect(entriesIn(dir).sort()).toEqual([...expected].sort())
  })

  it('has every entry once, and one old file, when a new day has begun', async () => {
    const file = join(dir, 'podwire.log')
    writeFileSync(file, 'yesterday\n')
    const yesterday = Date.now() / 1000 - 86_400
    utimesSync(file, yesterday, yesterday)
    await writeTogether(file)
    expect(readdirSync(dir)).toHaveLength(2)
    expect(entriesIn(dir).sort()).toEqual([...expected].sort())
    expect(linesIn(dir).filter((line) => line.includes('log rotated'))).toHaveLength(1)
  })

  it('has every entry once when the file reaches its size meanwhile', async () => {
    const file = join(dir, 'podwire.log')
    writeFileSync(file, '\n')
    truncateSync(file, 10 * 1024 * 1024 - 2000)
    await writeTogether(file)
    expect(readdirSync(dir)).toHaveLength(2)
    expect(entriesIn(dir).sort()).toEqual([...expected].sort())
  })
})

describe('the log on stdout', () => {
  it.each(['/dev/stdout', '/proc/self/fd/1'])('stays empty when the file is %s', (file) => {
    expect(spawnSync(program, [file, 'x', '1'], { encoding: 'utf8' })).toMatchObject({ status: 0, stdout: '', stderr: '' })
  })
})
