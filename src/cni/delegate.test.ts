import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EACCES, ETXTBSY } from '../host/errno.ts'
import { SysError } from '../host/error.ts'
import { type Spawn, sys } from '../host/sys.ts'
import { delegate } from './delegate.ts'
import { encodeResult } from './result.ts'

let dir: string
let stderr: string

/** Runs the program as native/spawn.c does. */
function spawn({ file, args, env, stdin }: Spawn) {
  const variables = Object.fromEntries(env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]))
  const { status, signal, stdout, stderr } = spawnSync(file, args.slice(1), { env: variables, input: stdin, encoding: 'utf8' })
  // A program that does not read its stdin is an EPIPE for Node, and no failure.
  if (status === null && signal === null) throw new SysError(`spawn ${file}`, EACCES)
  return { status: status ?? -1, signal: signal ? constants.signals[signal] : 0, timedOut: false, maxrss: 0, stdout, stderr }
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwire-delegate-'))
  stderr = ''
  vi.spyOn(sys, 'spawn').mockImplementation(spawn)
  vi.spyOn(sys, 'nanosleep').mockImplementation(() => {})
  vi.spyOn(sys, 'write').mockImplementation((fd, bytes) => {
    if (fd === 2) stderr += bytes
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  rmSync(dir, { recursive: true })
})

function plugin(name: string, script: string): void {
  writeFileSync(join(dir, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(dir, name), 0o755)
}
const request = (more: object = {}) => ({ cniVersion: '1.0.0' as const, path: [dir], stdin: '{"name":"net"}', ...more })

describe('delegate', () => {
  it('passes environment and stdin to the plugin, with its own command', () => {
    vi.stubEnv('CNI_CONTAINERID', 'c1')
    vi.stubEnv('CNI_COMMAND', 'ADD')
    plugin('ipam', `printf '%s %s ' "$CNI_COMMAND" "$CNI_CONTAINERID" > ${dir}/seen; cat >> ${dir}/seen`)
    delegate('ipam', 'DEL', request())
    const { env = [] } = vi.mocked(sys.spawn).mock.lastCall?.[0] ?? {}
    expect(env.filter((entry) => entry.startsWith('CNI_COMMAND='))).toEqual(['CNI_COMMAND=DEL'])
    expect(spawnSync('cat', [join(dir, 'seen')], { encoding: 'utf8' }).stdout).toBe('DEL c1 {"name":"net"}')
  })

  it.each([
    ['1.0.0', '{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.5/24"}]}'],
    ['0.2.0', '{"cniVersion":"0.2.0","ip4":{"ip":"10.1.0.5/24"}}'],
    ['1.0.0', '{"ips":[{"address":"10.1.0.5/24"}]}'],
    ['0.1.0', '{"ip4":{"ip":"10.1.0.5/24"}}'],
    ['1.0.0', '{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.1.0.5/24"}]}'],
  ] as const)('returns the result of ADD in a configuration of %s: %s', (cniVersion, printed) => {
    plugin('ipam', `echo '${printed}'`)
    const result = delegate('ipam', 'ADD', request({ cniVersion }))
    expect(JSON.parse(encodeResult(result, '1.0.0'))).toEqual({ cniVersion: '1.0.0', ips: [{ address: '10.1.0.5/24' }] })
  })

  it('takes null for an empty result', () => {
    plugin('ipam', 'echo null')
    expect(delegate('ipam', 'ADD', request()).ips).toEqual([])
  })

  it.each(['DEL', 'CHECK', 'GC', 'STATUS'] as const)('looks at no output of %s', (command) => {
    plugin('ipam', 'echo whatever')
    expect(delegate('ipam', command, request()).ips).toEqual([])
  })

  it('passes on the plugin’s stderr', () => {
    plugin('ipam', 'echo warning >&2; echo "{}"')
    delegate('ipam', 'ADD', request())
    expect(stderr).toBe('warning\n')
  })

  it('throws the error of the plugin under its own code', () => {
    plugin('ipam', `echo '{"cniVersion":"1.0.0","code":11,"msg":"no addresses","details":"in 10.1.0.0/24"}'; exit 1`)
    const error = expect.objectContaining({ code: 11, message: 'no addresses', details: 'in 10.1.0.0/24' })
    expect(() => delegate('ipam', 'ADD', request())).toThrow(error)
  })

  it.each([
    ['echo lost >&2; exit 3', 999, 'plugin ipam ended with status 3 without an error message', 'lost'],
    ['echo no; exit 1', 999, 'plugin ipam ended with status 1 with an error that is not JSON', 'no'],
    ['kill -9 $$', 999, 'plugin ipam was ended by signal 9 without an error message', ''],
    [`echo '{"code":0}'; exit 1`, 999, 'plugin ipam ended with status 1 without a message', ''],
    [`echo '{"code":"x","msg":"m"}'; exit 1`, 999, 'm', ''],
    [`echo '[]'; exit 1`, 999, 'plugin ipam ended with status 1 without a message', ''],
    ['exit 0', 6, 'plugin ipam succeeded but printed no result', ''],
    ['echo oops', 6, 'the result of plugin ipam is not JSON: line 1, column 1: unexpected "oops\\n"', ''],
    ['echo "[]"', 6, 'the result of plugin ipam: expected an object, got []', ''],
    [`echo '{"ips":[{}]}'`, 6, 'the result of plugin ipam: ips[0].address: is missing', ''],
  ])('answers for a plugin that does: %s', (script, code, message, details) => {
    plugin('ipam', script)
    expect(() => delegate('ipam', 'ADD', request())).toThrow(expect.objectContaining({ code, message, details }))
  })

  it('takes the first regular file in the path, through links', () => {
    const [first, second, third] = ['1', '2', '3'].map((name) => join(dir, name))
    if (!first || !second || !third) return expect.unreachable()
    mkdirSync(join(first, 'ipam'), { recursive: true })
    mkdirSync(second)
    mkdirSync(third)
    plugin('real', `echo '{"dns":{"domain":"second"}}'`)
    plugin('3/ipam', `echo '{"dns":{"domain":"third"}}'`)
    symlinkSync(join(dir, 'real'), join(second, 'ipam'))
    const result = delegate('ipam', 'ADD', request({ path: [join(dir, 'missing'), first, second, third] }))
    expect(result.dns.domain).toBe('second')
  })

  it.each([
    ['../ipam', 'invalid plugin name: "../ipam" contains a path separator'],
    ['none', 'failed to find plugin "none" in path ['],
    ['', 'failed to find plugin "" in path ['],
    ['..', 'failed to find plugin ".." in path ['],
  ])('rejects the type %j', (type, message) => {
    expect(() => delegate(type, 'ADD', request())).toThrow(expect.objectContaining({ code: 7, message: expect.stringContaining(message) }))
  })

  it('tries again while the file is being replaced', () => {
    plugin('ipam', 'echo "{}"')
    let busy = 3
    const run = vi.spyOn(sys, 'spawn').mockImplementation((program) => {
      if (busy-- > 0) throw new SysError('spawn', ETXTBSY)
      return spawn(program)
    })
    expect(delegate('ipam', 'ADD', request()).ips).toEqual([])
    expect(run).toHaveBeenCalledTimes(4)
    expect(sys.nanosleep).toHaveBeenCalledWith(1000)
  })

  it('gives up when the file stays busy', () => {
    plugin('ipam', 'echo "{}"')
    const run = vi.spyOn(sys, 'spawn').mockImplementation(() => {
      throw new SysError('spawn', ETXTBSY)
    })
    expect(() => delegate('ipam', 'ADD', request())).toThrow('spawn')
    expect(run).toHaveBeenCalledTimes(6)
  })

  it('reports a file that cannot be run', () => {
    plugin('ipam', '')
    chmodSync(join(dir, 'ipam'), 0o644)
    expect(() => delegate('ipam', 'ADD', request())).toThrow(`spawn ${join(dir, 'ipam')}`)
  })
})
