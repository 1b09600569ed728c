// What the agent makes of the reports of `podwire ipam reclaim`; the command itself is tested with real pods in test/plugins/reclaim.netns.test.ts.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { expect, it } from 'vitest'
import { parseConfig } from '../config.ts'
import { reclaimLeases } from './reclaim.ts'

const lease = { kind: 'lease', object: '10.1.0.7 (a eth0 of network podwire)', reason: 'its namespace is gone and there was no DEL' }

/** Runs the loop against a program that prints `stdout`, until `done`. */
async function run(stdout: string, interval: number, done: (lines: readonly string[], count: number) => boolean) {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-reclaim-'))
  try {
    const native = join(dir, 'podwire')
    writeFileSync(native, `#!/bin/sh\necho "$@" >>${dir}/calls\ncat <<'END'\n${stdout}\nEND\n`, { mode: 0o755 })
    const lines: string[] = []
    const log = pino({}, { write: (line: string) => void lines.push(line) })
    const state = { reclaimed: 0 }
    const stop = new AbortController()
    const { paths } = parseConfig('{}', new Map(), 'n1')
    const loop = reclaimLeases({ native, paths, reclaim: { interval, grace: 600 } }, state, log, stop.signal)
    if (interval > 0) await expect.poll(() => done(lines, state.reclaimed), { timeout: 10_000 }).toBe(true)
    stop.abort()
    await loop
    return { lines, calls: interval > 0 ? readFileSync(join(dir, 'calls'), 'utf8') : '' }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

it('counts and logs the leases that the program has reclaimed', async () => {
  const report = JSON.stringify({ reclaimed: [lease], unseen: [], problems: [] })
  const { lines, calls } = await run(report, 0.05, (_lines, count) => count > 1)
  expect(lines[0]).toContain('"leases":["10.1.0.7 (a eth0 of network podwire): its namespace is gone and there was no DEL"]')
  expect(calls.split('\n')[0]).toMatch(/^ipam reclaim --state-dir .* --grace 600 -o json$/)
})

it.each([
  ['a problem', JSON.stringify({ reclaimed: [], problems: [{ object: 'a', message: 'locked' }] }), 'a: locked'],
  ['no report', '', 'the report of `ipam reclaim`'],
])('warns once when the program has %s', async (_what, stdout, reason) => {
  let calls = 0
  const { lines } = await run(stdout, 0.05, (warned) => warned.length > 0 && ++calls > 4)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(reason)
})

it('starts nothing when the interval is 0', async () => {
  expect((await run('{}', 0, () => true)).lines).toEqual([])
})
