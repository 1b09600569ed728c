// The plugin `noop`: what it records, and that it follows its file, valid or not.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeHost, type Host, withHost } from '../../../../test/harness/netns.ts'
import { cniVersions } from '../../../cni/types.ts'

const config = { cniVersion: '1.1.0', name: 'net', type: 'noop' }
const verbs = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS'] as const
const prevResult = { cniVersion: '1.1.0', interfaces: [{ name: 'eth0', sandbox: '/n' }], ips: [{ address: '10.1.0.2/24', interface: 0 }] }

function order(host: Host, orders: unknown): string {
  const file = join(host.dir, 'debug')
  writeFileSync(file, typeof orders === 'string' ? orders : JSON.stringify(orders))
  return file
}
const call = (host: Host, verb: string, keys: object, args = '') => host.cni('noop', verb, { ...config, ...keys }, { netns: '/n', args })

describeHost('noop', () => {
  it.each(verbs)('%s: records the call in the file, and leaves its other keys', async (verb) => {
    await withHost(async (host) => {
      const debugFile = order(host, { ReportStderr: 'a word', ReportResult: '{"a": 1}', CmdArgs: { StdinData: null } })
      expect(await call(host, verb, { debugFile }, 'X=1')).toMatchObject({ status: 0, stdout: '{"a": 1}', stderr: 'a word' })
      const noted = JSON.parse(readFileSync(debugFile, 'utf8'))
      expect(noted).toMatchObject({
        ReportStderr: 'a word',
        Command: verb,
        CmdArgs: { ContainerID: 'podwire-test', Netns: '/n', IfName: 'eth0', Args: 'X=1', NetnsOverride: '' },
      })
      expect(JSON.parse(Buffer.from(noted.CmdArgs.StdinData, 'base64').toString())).toEqual({ ...config, debugFile })
      expect(statSync(debugFile).mode & 0o777).toBe(0o600)
    })
  })

  it.each([
    ['PASSTHROUGH', {}],
    ['INJECT-DNS', { dns: { nameservers: ['1.2.3.4'] } }],
  ])('%s answers with the result of the plugin before', async (ReportResult, added) => {
    await withHost(async (host) => {
      const debugFile = order(host, { ReportResult })
      expect((await call(host, 'ADD', { debugFile, prevResult })).json).toEqual({ ...prevResult, ...added })
      expect(await call(host, 'ADD', { debugFile })).toMatchObject({
        status: 1,
        json: { code: 999, msg: expect.stringContaining('prevResult') },
      })
    })
  })

  it.each(cniVersions)('passes a result of %s through', async (cniVersion) => {
    await withHost(async (host) => {
      const debugFile = order(host, { ReportResult: 'PASSTHROUGH' })
      const old = { cniVersion, ip4: { ip: '10.1.0.2/24' }, dns: {} }
      const given = cniVersions.indexOf(cniVersion) < 2 ? old : { cniVersion, interfaces: [{ name: 'eth0' }] }
      const { json } = await call(host, 'ADD', { cniVersion, debugFile, prevResult: given })
      expect(json).toMatchObject(given)
    })
  })

  it.each([
    ['an error', { ReportError: 'broken' }, { status: 1, json: { cniVersion: '1.1.0', code: 999, msg: 'broken' } }],
    ['an error with a code', { ReportError: 'later', ReportErrorCode: 11 }, { status: 1, json: { code: 11, msg: 'later' } }],
    ['a status', { ExitWithCode: 7 }, { status: 7, stdout: '' }],
    ['nonsense', { ReportResult: 'not JSON' }, { status: 0, stdout: 'not JSON' }],
    ['nothing', {}, { status: 0, stdout: '', stderr: '' }],
  ])('follows %s', async (_, orders, outcome) => {
    await withHost(async (host) => {
      expect(await call(host, 'ADD', { debugFile: order(host, orders) })).toMatchObject(outcome)
    })
  })

  it('takes the file of CNI_ARGS before that of its configuration', async () => {
    await withHost(async (host) => {
      const file = order(host, { ReportResult: '{"given": true}' })
      expect(await call(host, 'ADD', { debugFile: '/nix' }, `A=1;DEBUG=${file}`)).toMatchObject({ status: 0, stdout: '{"given": true}' })
    })
  })

  it.each(verbs)('%s: an empty result without a file', async (verb) => {
    await withHost(async (host) => {
      expect(await call(host, verb, {})).toMatchObject({ status: 0, stdout: '{}', stderr: expect.stringContaining('no debug behavior') })
    })
  })

  it('VERSION answers what the file has', async () => {
    await withHost(async (host) => {
      const file = order(host, { ReportVersionSupport: ['9.8.7'] })
      expect((await call(host, 'VERSION', {}, `DEBUG=${file}`)).json).toMatchObject({ supportedVersions: ['9.8.7'] })
      expect((await call(host, 'VERSION', {})).json).toEqual({ cniVersion: '1.1.0', supportedVersions: cniVersions })
      expect(await call(host, 'ADD', {}, `DEBUG=${file}`)).toMatchObject({ status: 1, json: { code: 1 } })
    })
  })

  it('lists every call in the log when many come at once', async () => {
    await withHost(async (host) => {
      const commandLog = join(host.dir, 'log')
      const debugFile = order(host, {})
      const ids = Array.from({ length: 12 }, (_, i) => `c${i}`)
      await Promise.all(ids.map((id) => host.cni('noop', 'ADD', { ...config, debugFile, commandLog }, { netns: '/n', id })))
      const calls: { CmdArgs: { ContainerID: string } }[] = JSON.parse(readFileSync(commandLog, 'utf8'))
      expect(calls.map(({ CmdArgs }) => CmdArgs.ContainerID).sort()).toEqual([...ids].sort())
    })
  })

  describe('rejects', () => {
    it.each([
      ['a file that is not there', { debugFile: '/nix' }, '', 5, 'open /nix: no such file or directory'],
      ['a file that is no text', { debugFile: 5 }, '', 7, 'debugFile: expected a string, got 5'],
      ['arguments that are no pairs', {}, 'DEBUG', 4, 'CNI_ARGS invalid key/value pair: "DEBUG"'],
    ])('%s', async (_, keys, args, code, msg) => {
      await withHost(async (host) => {
        expect(await call(host, 'ADD', keys, args)).toMatchObject({ status: 1, json: { code, msg: expect.stringContaining(msg) } })
      })
    })

    it.each([
      ['{', 6, 'is not JSON'],
      ['[]', 7, 'expected an object'],
      ['{"ExitWithCode": "1"}', 7, 'ExitWithCode: expected a whole number'],
      ['{"ReportVersionSupport": [1]}', 7, 'ReportVersionSupport[0]: expected a string'],
    ])('the orders %s, and leaves them as they are', async (text, code, msg) => {
      await withHost(async (host) => {
        const debugFile = order(host, text)
        expect(await call(host, 'ADD', { debugFile })).toMatchObject({ status: 1, json: { code, msg: expect.stringContaining(msg) } })
        expect(readFileSync(debugFile, 'utf8')).toBe(text)
        expect(existsSync(`${debugFile}.log`)).toBe(false)
      })
    })
  })
})
