// `cnitool` with real plugins, and alternating with libcni's own on the same networks and the same cached results.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeClient, goPath, noGoReason } from '../../test/clients/available.ts'
import { describeHost, type ExecOptions, type Host, pluginPath, withHost } from '../../test/harness/netns.ts'

const plugins = [
  { type: 'bridge', bridge: 'br0', isGateway: true, ipam: { type: 'host-local', subnet: '10.1.0.0/24', dataDir: '/run/leases' } },
  { type: 'portmap', capabilities: { portMappings: true }, backend: 'nftables' },
]
const list = { cniVersion: '1.1.0', name: 'net', plugins }
const mapping = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] }

interface Call extends ExecOptions {
  readonly tool?: string
  readonly args?: string
  readonly capArgs?: unknown
  readonly more?: Readonly<Record<string, string>>
}

/** `cnitool ARGS` with the networks of `host.dir`. */
async function cnitool(host: Host, args: readonly string[], { tool = pluginPath, args: cniArgs, capArgs, more }: Call = {}) {
  const env = {
    PATH: process.env.PATH ?? '',
    CNI_PATH: pluginPath,
    NETCONFPATH: host.dir,
    ...(cniArgs && { CNI_ARGS: cniArgs }),
    ...(capArgs !== undefined && { CAP_ARGS: typeof capArgs === 'string' ? capArgs : JSON.stringify(capArgs) }),
    ...more,
  }
  return host.exec(join(tool, 'cnitool'), args, { env })
}

const put = (host: Host, content: unknown, name = '10-net.conflist') => writeFileSync(join(host.dir, name), JSON.stringify(content))
const leases = async (host: Host) =>
  (await host.exec('ls', ['/run/leases/net'])).stdout.split('\n').filter((name) => name.startsWith('10.'))
const saved = async (host: Host) => (await host.exec('ls', ['/var/lib/cni/results'])).stdout.split('\n').filter(Boolean)
const done = { status: 0, stdout: '', stderr: '' }

/** A plugin that records its input and passes on its prevResult. */
function recorder(host: Host, name: string, orders: object = { ReportResult: 'PASSTHROUGH' }) {
  const debugFile = join(host.dir, `${name}.debug`)
  writeFileSync(debugFile, JSON.stringify(orders))
  return { type: 'noop', debugFile, commandLog: join(host.dir, `${name}.log`) }
}
async function recorded(host: Host, name: string) {
  const calls = JSON.parse(await host.run('cat', join(host.dir, `${name}.log`)))
  return calls.map(({ Command, CmdArgs }: { Command: string; CmdArgs: Record<string, string> }) => ({
    command: Command,
    ...CmdArgs,
    stdin: JSON.parse(Buffer.from(CmdArgs.StdinData ?? '', 'base64').toString()),
  }))
}

describeHost('cnitool', () => {
  it('adds, checks and deletes a chain, and saves the result in between', async () => {
    await withHost(async (host) => {
      put(host, list)
      const pod = await host.pod()
      const added = await cnitool(host, ['add', 'net', pod.netns], { capArgs: mapping })
      expect({ status: added.status, stderr: added.stderr }).toEqual({ status: 0, stderr: '' })
      expect(JSON.parse(added.stdout)).toMatchObject({ cniVersion: '1.1.0', ips: [{ address: '10.1.0.2/24' }] })
      expect(await host.run('nft', 'list', 'table', 'ip', 'cni_hostport')).toContain('8080')
      expect(await cnitool(host, ['check', 'net', pod.netns], { capArgs: mapping })).toMatchObject(done)
      expect(await cnitool(host, ['status', 'net'])).toMatchObject(done)
      for (const _time of ['once', 'again']) {
        expect(await cnitool(host, ['del', 'net', pod.netns], { capArgs: mapping })).toMatchObject(done)
        expect([await leases(host), await saved(host)]).toEqual([[], []])
      }
      expect((await pod.exec('ip', ['link', 'show', 'eth0'])).status).toBe(1)
    })
  })

  it('gives each plugin the attachment, its configuration, and the previous result', async () => {
    await withHost(async (host) => {
      const first = {
        ...recorder(host, 'first', { ReportResult: '{"ips":[{"address":"10.1.0.9/24"}],"custom":{"a":1}}' }),
        capabilities: { mac: true, ips: false },
      }
      const second = { ...recorder(host, 'second'), name: 'mine', own: [1] }
      put(host, { ...list, plugins: [first, second] })
      const capArgs = { mac: '02:00:00:00:00:01', ips: ['10.1.0.9'], other: 1 }
      const call = { args: 'IgnoreUnknown=1;A=b', capArgs, more: { CNI_IFNAME: 'net1', CNI_CONTAINERID: 'of another' } }
      const { status } = await cnitool(host, ['add', 'net', '/var/run/netns/testing/../testing'], call)
      expect(status).toBe(0)
      expect(await recorded(host, 'first')).toEqual([
        expect.objectContaining({
          command: 'ADD',
          ContainerID: 'cnitool-77383ca0a0715733ca6f',
          Netns: '/var/run/netns/testing',
          IfName: 'net1',
          Args: 'IgnoreUnknown=1;A=b',
          Path: pluginPath,
          stdin: { ...first, cniVersion: '1.1.0', name: 'net', runtimeConfig: { mac: '02:00:00:00:00:01' } },
        }),
      ])
      const prevResult = { cniVersion: '1.1.0', ips: [{ address: '10.1.0.9/24' }], custom: { a: 1 } }
      expect((await recorded(host, 'second'))[0]?.stdin).toEqual({ ...second, cniVersion: '1.1.0', name: 'net', prevResult })
      expect(await saved(host)).toEqual(['net-cnitool-77383ca0a0715733ca6f-net1'])
    })
  })

  it('deletes from the last plugin to the first, with the saved result, and deletes that only when all have succeeded', async () => {
    await withHost(async (host) => {
      const order = join(host.dir, 'order.log')
      const plugin = (name: string, orders?: object) => ({ ...recorder(host, name, orders), commandLog: order, own: name })
      put(host, { ...list, plugins: [plugin('a', { ReportResult: '{}' }), plugin('b'), plugin('c')] })
      expect((await cnitool(host, ['add', 'net', '/n'])).status).toBe(0)
      put(host, { ...list, plugins: [plugin('a', { ReportError: 'busy', ReportErrorCode: 11 }), plugin('b'), plugin('c')] })
      const { status, stderr } = await cnitool(host, ['del', 'net', '/n'])
      expect({ status, stderr }).toEqual({ status: 1, stderr: 'plugin type="noop" failed (delete): busy\n' })
      expect(await saved(host)).toHaveLength(1)
      const calls = await recorded(host, 'order')
      expect(calls.map(({ command, stdin }: { command: string; stdin: { own: string } }) => `${command} ${stdin.own}`)).toEqual([
        'ADD a',
        'ADD b',
        'ADD c',
        'DEL c',
        'DEL b',
        'DEL a',
      ])
      expect(calls[3].stdin.prevResult).toEqual({ cniVersion: '1.1.0' })
    })
  })

  it.each([
    ['0.3.1', undefined],
    ['0.4.0', { cniVersion: '0.4.0', dns: {}, ips: [{ version: '4', address: '10.1.0.9/24' }] }],
  ])('gives DEL of %s the result in its version', async (cniVersion, prevResult) => {
    await withHost(async (host) => {
      const plugin = recorder(host, 'a', { ReportResult: '{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.9/24"}]}' })
      put(host, { ...list, plugins: [plugin] })
      expect((await cnitool(host, ['add', 'net', '/n'])).status).toBe(0)
      put(host, { ...list, cniVersion, plugins: [plugin] })
      expect((await cnitool(host, ['del', 'net', '/n'])).status).toBe(0)
      expect((await recorded(host, 'a'))[1]?.stdin.prevResult).toEqual(prevResult)
    })
  })

  it('removes what is not listed as valid: cached attachments, and what plugins have besides', async () => {
    await withHost(async (host) => {
      put(host, list)
      const [pod, other] = [await host.pod(), await host.pod()]
      for (const { netns } of [pod, other]) expect((await cnitool(host, ['add', 'net', netns], { capArgs: {} })).status).toBe(0)
      const [first] = await saved(host)
      const containerID = first?.slice('net-'.length, -'-eth0'.length)
      await host.run('sh', '-c', 'printf "lost\\r\\neth0" > /run/leases/net/10.1.0.77')
      const valid = { more: { VALID_ATTACHMENTS: JSON.stringify([{ containerID, ifname: 'eth0' }]) } }
      expect(await cnitool(host, ['gc', 'net'], valid)).toMatchObject(done)
      expect(await saved(host)).toEqual([first])
      expect(await leases(host)).toHaveLength(1)
      expect(await cnitool(host, ['gc', 'net', pod.netns])).toMatchObject(done)
      expect([await leases(host), await saved(host)]).toEqual([[], []])
    })
  })

  it.each([
    ['disableGC', ['gc'], { disableGC: true }],
    ['disableCheck', ['check'], { disableCheck: 'true' }],
    ['a version without STATUS', ['status'], { cniVersion: '1.0.0' }],
    ['a version without GC', ['gc'], { cniVersion: '0.4.0' }],
  ])('%s: no plugin is called', async (_, [verb = ''], keys) => {
    await withHost(async (host) => {
      put(host, { ...list, ...keys, plugins: [{ type: 'not-there' }] })
      expect(await cnitool(host, [verb, 'net', '/n'])).toMatchObject(done)
    })
  })

  it.each([
    ['no arguments', [], {}, 'cnitool add    NETWORK NETNS'],
    ['an unknown verb', ['version', 'net', '/n'], {}, 'cnitool add    NETWORK NETNS'],
    ['no namespace', ['add', 'net'], {}, 'cnitool add    NETWORK NETNS'],
    ['another network', ['add', 'nix', '/n'], {}, 'no net configuration with name "nix" in'],
    ['an interface name with a slash', ['add', 'net', '/n'], { more: { CNI_IFNAME: 'a/b' } }, 'interface name contains / or :'],
    ['a pair without a value', ['add', 'net', '/n'], { args: 'A=1;B' }, 'invalid CNI_ARGS pair "B"'],
    ['arguments that are no object', ['add', 'net', '/n'], { capArgs: '[]' }, 'CAP_ARGS: expected a JSON object, got []'],
    ['arguments that are no JSON', ['add', 'net', '/n'], { capArgs: '{' }, 'CAP_ARGS is not JSON'],
    ['a list of nothing', ['gc', 'net'], { more: { VALID_ATTACHMENTS: '[{"ifname": "eth0"}]' } }, 'containerID: is missing'],
    ['no plugin', ['status', 'net'], { more: { CNI_PATH: '/nix' } }, 'failed to find plugin "bridge" in path [/nix]'],
    ['CHECK of 0.3.1', ['check', 'old', '/n'], {}, 'configuration version "0.3.1" does not support the CHECK command'],
    ['a network that is no name', ['del', 'a/b', '/n'], {}, 'invalid characters found in network name'],
  ])('%s: status 1, and why on stderr', async (_, args, call, problem) => {
    await withHost(async (host) => {
      put(host, list)
      put(host, { ...list, name: 'old', cniVersion: '0.3.1' }, '20.conflist')
      put(host, { ...list, name: 'a/b' }, '30.conflist')
      const { status, stdout, stderr } = await cnitool(host, args, call)
      expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: expect.stringContaining(problem) })
    })
  })
})

describeClient('cnitool and libcni', noGoReason('cnitool'), () => {
  it.each([
    ['ours', 'libcni', pluginPath, goPath],
    ['libcni', 'ours', goPath, pluginPath],
  ])('what %s has added, %s checks and deletes', async (_adder, _deleter, adder, deleter) => {
    await withHost(async (host) => {
      put(host, list)
      const pod = await host.pod()
      const added = await cnitool(host, ['add', 'net', pod.netns], { tool: adder, capArgs: mapping, args: 'IgnoreUnknown=1;A=b' })
      expect(added.status, added.stderr).toBe(0)
      expect(await cnitool(host, ['check', 'net', pod.netns], { tool: deleter, capArgs: mapping })).toMatchObject(done)
      // Without the arguments: GC has them from what was saved.
      expect(await cnitool(host, ['gc', 'net', pod.netns], { tool: deleter })).toMatchObject(done)
      expect([await leases(host), await saved(host)]).toEqual([[], []])
      expect(await host.run('nft', 'list', 'ruleset')).not.toContain('8080')
    })
  })

  it('they call the plugins alike', async () => {
    await withHost(async (host) => {
      const calls = async (tool: string) => {
        await host.run('rm', '-f', join(host.dir, 'a.log'))
        put(host, {
          ...list,
          disableCheck: false,
          plugins: [{ ...recorder(host, 'a', { ReportResult: '{"ips":[{"address":"10.1.0.9/24"}]}' }), capabilities: { mac: true } }],
        })
        const call = { tool, capArgs: { mac: '02:00:00:00:00:01' }, args: 'A=b' }
        for (const verb of ['add', 'check', 'status', 'del']) expect((await cnitool(host, [verb, 'net', '/n'], call)).status).toBe(0)
        return recorded(host, 'a')
      }
      const strip = (all: readonly Record<string, unknown>[]) => all.map(({ StdinData: _, ...call }) => call)
      expect(strip(await calls(pluginPath))).toEqual(strip(await calls(goPath)))
    })
  })
})
