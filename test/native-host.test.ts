// The native host: what becomes of failures that no script handles, and its calls against the real kernel.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildProgram } from './harness/native.ts'

let program = ''
const dir = mkdtempSync(join(tmpdir(), 'podwire-host-'))
beforeAll(() => {
  program = buildProgram('host')
})
afterAll(() => rmSync(dir, { recursive: true }))

function run(behaviour: string, argument = '', env: Record<string, string> = { CNI_COMMAND: 'ADD' }) {
  const { status, stdout, stderr } = spawnSync(program, [behaviour, argument], { encoding: 'utf8', env })
  return { status, stdout, stderr }
}

const lines = (behaviour: string, argument = ''): unknown[] => {
  const { status, stdout, stderr } = run(behaviour, argument)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('the native host', () => {
  it.each([
    ['throw', 'Error: on purpose'],
    ['rejection', 'Error: this is not handled'],
    ['late-throw', 'Error: thrown in a job'],
    ['memory', 'InternalError: out of memory'],
    ['stack', 'InternalError: stack overflow'],
  ])('answers with a CNI error and status 1 when a script ends by %s', (behaviour, msg) => {
    const { status, stdout } = run(behaviour)
    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ cniVersion: '1.1.0', code: 999, msg })
  })

  it('names the place of an unhandled error', () => {
    expect(JSON.parse(run('throw').stdout).details).toContain('at ')
  })

  it('reports on stderr when no runtime calls', () => {
    const { status, stdout, stderr } = run('throw', '', {})
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain('on purpose')
  })

  it('succeeds when a rejection is handled later', () => {
    expect(run('handled-rejection')).toMatchObject({ status: 0, stdout: '"handled"\n' })
  })

  it('exits with the status the script gives', () => {
    expect(run('nothing')).toMatchObject({ status: 7, stdout: '' })
  })

  it('throws {op, errno} with the path when a call fails', () => {
    expect(lines('errors')).toEqual([
      { op: 'open', errno: 2, message: 'open /no/such/file: No such file or directory' },
      { op: 'open', errno: 22, message: 'open /etc/host: Invalid argument' },
      { op: 'close', errno: 9, message: 'close: Bad file descriptor' },
      'RangeError: decodeUtf8: 3 bytes at 2 of 4',
      { op: 'execve', errno: 2, message: 'execve /no/such/program: No such file or directory' },
    ])
  })

  it('reads, writes, links and lists files', () => {
    expect(lines('files', dir)).toEqual([
      { size: 9, mode: 0o600 },
      { op: 'link', errno: 17, message: `link ${dir}/b: File exists` },
      ['b', 'c', 'd'],
      'c',
      'héllo',
      0,
    ])
  })

  it('waits for a lock until its timeout', () => {
    expect(lines('lock', `${dir}/lock`)).toEqual([
      { op: 'flock', errno: 11, message: 'flock: Resource temporarily unavailable' },
      true,
      'taken',
    ])
  })

  it('runs programs with all three streams, bounded in time, without our descriptors', () => {
    expect(lines('spawn')).toEqual([
      { status: 0, length: 300_000 },
      { status: 3, signal: 0, timedOut: false, stdout: 'out\n', stderr: 'err\n', measured: true },
      { signal: 9, timedOut: true },
      false,
      0,
    ])
  })

  it('writes bytes as hex digits and reads them back', () => {
    const refused = 'RangeError: unhex: not an even number of lower-case hex digits'
    expect(lines('hex')).toEqual([
      [1200, '00010203', '5657', 'feff00', ''],
      true,
      ...Array(5).fill(refused),
      'RangeError: hex: 2 bytes at 599 of 600',
    ])
  })

  it('has another fingerprint for another text', () => {
    expect(lines('fingerprint')).toEqual([[true, true, true]])
  })

  it('waits for input, and no longer than its timeout', () => {
    expect(lines('poll', '/dev/null')).toEqual([[], true, 1, { op: 'poll', errno: 22, message: 'poll: Invalid argument' }])
  })

  it('listens, accepts and connects, and outlives a reader that is gone', () => {
    expect(lines('unix', dir)).toEqual([
      { op: 'connect', errno: 2, message: 'connect: No such file or directory' },
      { op: 'connect', errno: 111, message: 'connect: Connection refused' },
      0,
      1,
      [1, 2, 3],
      { op: 'send', errno: 32, message: 'send: Broken pipe' },
    ])
  })

  it('computes SHA-256 of a file at every padding boundary, and across the pieces it reads', () => {
    const lengths = [0, 1, 55, 56, 63, 64, 65, 119, 120, 262_143, 262_144, 262_145, 600_000]
    const expected = lengths.map((n) => createHash('sha256').update('x'.repeat(n)).digest('hex'))
    expect(lines('sha256', dir)).toEqual([expected, 0o644, { op: 'read', errno: 9, message: 'read: Bad file descriptor' }])
  })

  it('computes SHA-512 at every padding boundary', () => {
    const expected = [0, 1, 111, 112, 127, 128, 129, 239, 240, 1000].map((n) => createHash('sha512').update('é'.repeat(n)).digest('hex'))
    expect(lines('sha512')).toEqual([expected])
  })
})
