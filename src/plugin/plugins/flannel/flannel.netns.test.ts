// `flannel` with the plugins it hands the work to, and the file that flanneld would write.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { goPath, noGoReason } from '../../../../test/clients/available.ts'
import { type Answer, linkOf, routesOf, traces } from '../../../../test/harness/bridge.ts'
import { type CniOptions, describeHost, type Host, type Pod, pluginPath, withHost } from '../../../../test/harness/netns.ts'
import { cniVersions } from '../../../cni/types.ts'

const env = 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'
const config = { cniVersion: '1.1.0', name: 'cbr0', type: 'flannel' }
const nothing = { status: 0, stdout: '', stderr: '' }

const call = (host: Host, verb: string, pod: Pod, keys: object = {}, options: CniOptions = {}) =>
  host.cni(
    'flannel',
    verb,
    { ...config, subnetFile: join(host.dir, 'subnet.env'), ...keys },
    { netns: pod.netns, id: pod.name, ...options },
  )
const flanneld = (host: Host, text = env) => writeFileSync(join(host.dir, 'subnet.env'), text)
const kept = async (host: Host) => (await host.exec('ls', ['/var/lib/cni/flannel'])).stdout.split('\n').filter(Boolean)

/** A delegate that records its input. */
function recorder(host: Host, orders: object = { ReportResult: '{"ips":[{"address":"10.244.3.2/24"}]}' }) {
  const debugFile = join(host.dir, 'debug')
  writeFileSync(debugFile, JSON.stringify(orders))
  return { type: 'noop', debugFile, commandLog: join(host.dir, 'log') }
}
function recorded(host: Host) {
  const calls: { Command: string; CmdArgs: { StdinData: string } }[] = JSON.parse(readFileSync(join(host.dir, 'log'), 'utf8'))
  return calls.map(({ Command, CmdArgs }) => ({ command: Command, stdin: JSON.parse(Buffer.from(CmdArgs.StdinData, 'base64').toString()) }))
}

describeHost('flannel', () => {
  it.each(cniVersions)('%s: a bridge with the subnet of this node, and everything removed again', async (cniVersion) => {
    await withHost(async (host) => {
      flanneld(host)
      const pod = await host.pod()
      const { status, json } = await call(host, 'ADD', pod, { cniVersion })
      expect({ status, json }).toMatchObject({ status: 0, json: { cniVersion } })
      expect(await linkOf(pod, 'eth0')).toMatchObject({ addresses: ['10.244.3.2/24'], mtu: 1450 })
      expect(await linkOf(host, 'cni0')).toMatchObject({ addresses: ['10.244.3.1/24'] })
      expect(await routesOf(pod)).toEqual(['10.244.0.0/16 via 10.244.3.1'])
      expect(await kept(host)).toEqual([pod.name])
      const after = { cniVersion, ...(cniVersions.indexOf(cniVersion) >= 4 && { prevResult: json }) }
      if (cniVersions.indexOf(cniVersion) >= 4) expect(await call(host, 'CHECK', pod, after)).toMatchObject(nothing)
      for (const _time of ['once', 'again']) expect(await call(host, 'DEL', pod, after)).toMatchObject(nothing)
      expect([await linkOf(pod, 'eth0'), await kept(host)]).toEqual([null, []])
      expect((await traces(host)).filter((line) => line.includes('10.244.3.2'))).toEqual([])
    })
  })

  it('makes the configuration of the delegate, with flanneld’s values for what is absent', async () => {
    await withHost(async (host) => {
      flanneld(host, `${env}FLANNEL_IPV6_NETWORK=fd00::/48\nFLANNEL_IPV6_SUBNET=fd00:0:0:3::1/64\n`)
      const pod = await host.pod()
      const delegate = { ...recorder(host), own: true }
      const keys = {
        delegate,
        runtimeConfig: { mac: '02:00:00:00:00:01' },
        ipam: { dataDir: '/x', ranges: [[{ subnet: '10.9.0.0/24' }]], routes: [{ dst: '1.0.0.0/8' }] },
      }
      expect((await call(host, 'ADD', pod, keys)).status).toBe(0)
      expect(recorded(host)).toEqual([
        {
          command: 'ADD',
          stdin: {
            ...delegate,
            cniVersion: '1.1.0',
            name: 'cbr0',
            ipMasq: false,
            mtu: 1450,
            runtimeConfig: { mac: '02:00:00:00:00:01' },
            ipam: {
              type: 'host-local',
              dataDir: '/x',
              ranges: [[{ subnet: '10.244.3.0/24' }], [{ subnet: 'fd00:0:0:3::/64' }]],
              routes: [{ dst: '1.0.0.0/8' }, { dst: '10.244.0.0/16' }, { dst: 'fd00::/48' }],
            },
          },
        },
      ])
    })
  })

  it.each([
    ['ipMasq where flanneld does not masquerade', env.replace('true', 'false'), {}, { ipMasq: true }],
    ['an MTU of its own', env, { mtu: 1400 }, { mtu: 1400 }],
    ['ipMasq of its own', env, { ipMasq: true }, { ipMasq: true }],
  ])('the delegate has %s', async (_, text, keys, expected) => {
    await withHost(async (host) => {
      flanneld(host, text)
      await call(host, 'ADD', await host.pod(), { delegate: { ...recorder(host), ...keys } })
      expect(recorded(host)[0]?.stdin).toMatchObject(expected)
    })
  })

  it('deletes with what ADD has saved when the node has another subnet or none', async () => {
    await withHost(async (host) => {
      flanneld(host)
      const pod = await host.pod()
      const delegate = recorder(host)
      await call(host, 'ADD', pod, { delegate })
      await host.run('rm', join(host.dir, 'subnet.env'))
      expect(await call(host, 'DEL', pod, { delegate })).toMatchObject({ status: 0 })
      expect(recorded(host)[1]).toMatchObject({ command: 'DEL', stdin: { ipam: { ranges: [[{ subnet: '10.244.3.0/24' }]] } } })
      expect(await kept(host)).toEqual([])
      // Nothing is kept, and nobody knows the subnet.
      expect(await call(host, 'DEL', pod, { delegate })).toMatchObject(nothing)
      expect(recorded(host)).toHaveLength(2)
    })
  })

  it('stores two attachments of a container separately', async () => {
    await withHost(async (host) => {
      flanneld(host)
      const pod = await host.pod()
      const one = { delegate: recorder(host) }
      for (const ifname of ['eth0', 'net1']) expect((await call(host, 'ADD', pod, one, { ifname })).status).toBe(0)
      expect((await call(host, 'ADD', pod, { ...one, name: 'other' }, { ifname: 'net2' })).status).toBe(0)
      expect(await kept(host)).toEqual([pod.name, `${pod.name}-net1`, `${pod.name}-net2`])
      expect((await call(host, 'DEL', pod, { ...one, name: 'other' }, { ifname: 'net2' })).status).toBe(0)
      expect((await call(host, 'DEL', pod, one, { ifname: 'net1' })).status).toBe(0)
      expect(await kept(host)).toEqual([pod.name])
      expect(
        recorded(host)
          .slice(3)
          .map(({ stdin }) => stdin.name),
      ).toEqual(['other', 'cbr0'])
    })
  })

  it('deletes with what the original flannel has saved', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await host.run('mkdir', '-p', '/var/lib/cni/flannel')
      const delegate = { ...recorder(host), name: 'cbr0', cniVersion: '1.1.0' }
      await host.run('sh', '-c', 'printf %s "$1" > "$2"', 'sh', JSON.stringify(delegate), `/var/lib/cni/flannel/${pod.name}`)
      expect((await call(host, 'DEL', pod)).status).toBe(0)
      expect([recorded(host)[0]?.command, await kept(host)]).toEqual(['DEL', []])
    })
  })

  it('a delegate that fails gets a DEL, its error is passed on, and nothing is saved', async () => {
    await withHost(async (host) => {
      flanneld(host)
      const pod = await host.pod()
      const delegate = recorder(host, { ReportError: 'later', ReportErrorCode: 11 })
      expect(await call(host, 'ADD', pod, { delegate })).toMatchObject({ status: 1, json: { code: 11, msg: 'later' } })
      expect(recorded(host).map(({ command }) => command)).toEqual(['ADD', 'DEL'])
      expect(await kept(host)).toEqual([])
    })
  })

  it('GC calls the delegate, and deletes what is saved of attachments that are not valid', async () => {
    await withHost(async (host) => {
      flanneld(host)
      const [pod, other] = [await host.pod(), await host.pod()]
      const delegate = recorder(host)
      for (const each of [pod, other]) await call(host, 'ADD', each, { delegate })
      expect((await call(host, 'GC', pod, { delegate })).status).toBe(0)
      expect(await kept(host)).toHaveLength(2)
      const valid = [{ containerID: pod.name, ifname: 'eth0' }]
      expect((await call(host, 'GC', pod, { delegate, 'cni.dev/valid-attachments': valid })).status).toBe(0)
      expect(recorded(host).at(-1)).toMatchObject({ command: 'GC', stdin: { 'cni.dev/valid-attachments': valid } })
      expect(await kept(host)).toEqual([pod.name])
    })
  })

  it.each([
    [
      'the subnet is not known yet',
      undefined,
      {},
      { status: 1, json: { code: 50, msg: expect.stringContaining('subnet.env is missing: flanneld') } },
    ],
    ['the delegate is not ready', env, { ReportError: 'full', ReportErrorCode: 50 }, { status: 1, json: { code: 50, msg: 'full' } }],
    ['ready', env, {}, { status: 0 }],
  ])('STATUS: %s', async (_, text, orders, expected) => {
    await withHost(async (host) => {
      if (text) flanneld(host, text)
      expect(await call(host, 'STATUS', await host.pod(), { delegate: recorder(host, orders) })).toMatchObject(expected)
    })
  })

  describe('rejects', () => {
    it.each([
      ['a delegate that is none', { delegate: 'bridge' }, 7, 'delegate: expected an object, got "bridge"'],
      ['a type that is none', { delegate: { type: 5 } }, 7, "delegate.type: expected a plugin's name, got 5"],
      ['a name in the delegate', { delegate: { name: 'x' } }, 7, 'delegate.name: must be absent: flannel sets it'],
      ['an ipam in the delegate', { delegate: { ipam: {} } }, 7, 'delegate.ipam: must be absent: flannel sets it'],
      ['a plugin that is not there', { delegate: { type: 'nix' } }, 7, 'failed to find plugin "nix"'],
      ['a file that says nothing', { subnetFile: '/dev/null' }, 7, 'invalid /dev/null'],
      ['no file', { subnetFile: '/nix' }, 50, '/nix is missing'],
    ])('%s', async (_, keys, code, msg) => {
      await withHost(async (host) => {
        flanneld(host)
        const { status, json } = await call(host, 'ADD', await host.pod(), keys)
        expect({ status, json }).toMatchObject({ status: 1, json: { code, msg: expect.stringContaining(msg) } })
        expect(await kept(host)).toEqual([])
      })
    })
  })

  it.skipIf(noGoReason('bridge', 'host-local') !== undefined)("hands the work to Go's bridge where that is found first", async () => {
    await withHost(async (host) => {
      flanneld(host)
      const pod = await host.pod()
      const env = {
        CNI_COMMAND: 'ADD',
        CNI_CONTAINERID: 'a',
        CNI_NETNS: pod.netns,
        CNI_IFNAME: 'eth0',
        CNI_PATH: goPath,
        PATH: process.env.PATH ?? '',
      }
      const run = (verb: string, keys: object = {}) =>
        host.exec(join(pluginPath, 'flannel'), [], {
          env: { ...env, CNI_COMMAND: verb },
          stdin: JSON.stringify({ ...config, cniVersion: '1.0.0', subnetFile: join(host.dir, 'subnet.env'), ...keys }),
        })
      const added = await run('ADD')
      expect(added.status, added.stdout).toBe(0)
      const answer = JSON.parse(added.stdout) as Answer
      expect(answer.ips).toMatchObject([{ address: '10.244.3.2/24', gateway: '10.244.3.1' }])
      expect(await run('CHECK', { prevResult: answer })).toMatchObject(nothing)
      for (const _time of ['once', 'again']) expect(await run('DEL', { prevResult: answer })).toMatchObject(nothing)
      expect(await linkOf(pod, 'eth0')).toBeNull()
    })
  })
})
