// IPAM by its three doors, which have to give the same: integrated in a plugin that attaches, delegated by it to a program, and that program alone.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { leases } from '../../test/harness/bridge.ts'
import { type CniOptions, type CniOutcome, describeHost, type Host, type Pod, pluginPath, withHost } from '../../test/harness/netns.ts'

type Keys = Readonly<Record<string, unknown>>

/** Calls a verb of the IPAM `type` for a pod. `ipam` are its options, `keys` stand next to them. */
type Call = (host: Host, verb: string, pod: Pod, type: string, ipam: Keys, keys?: Keys, options?: CniOptions) => Promise<CniOutcome>

const callOf = (host: Host, verb: string, pod: Pod, plugin: string, config: object, options: CniOptions = {}) =>
  host.cni(plugin, verb, { cniVersion: '1.1.0', name: 'net', ...config }, { netns: pod.netns, id: pod.name, ...options })

const doors: readonly (readonly [string, Call])[] = [
  [
    'integrated in podwire',
    (host, verb, pod, type, ipam, keys, options) =>
      callOf(host, verb, pod, 'podwire', { type: 'podwire', ...keys, ipam: { type, ...ipam } }, options),
  ],
  [
    'delegated by podwire',
    // A type of another name is not integrated: podwire runs the program of that name, a script that runs the built one.
    (host, verb, pod, type, ipam, keys, options) => {
      const directory = join(host.dir, 'programs')
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, `other-${type}`), `#!/bin/sh\nexec ${join(pluginPath, type)}\n`)
      chmodSync(join(directory, `other-${type}`), 0o755)
      const config = { type: 'podwire', ...keys, ipam: { type: `other-${type}`, ...ipam } }
      return callOf(host, verb, pod, 'podwire', config, { path: `${pluginPath}:${directory}`, ...options })
    },
  ],
  [
    'the program alone',
    (host, verb, pod, type, ipam, keys, options) =>
      callOf(host, verb, pod, type, { type: 'podwire', ...keys, ipam: { type, ...ipam } }, options),
  ],
]

const ranges = [[{ subnet: '10.1.0.0/29' }], [{ subnet: 'fd00:1::/64' }]]
const fixed = [{ address: '10.1.0.9/24', gateway: '10.1.0.1' }, { address: 'fd00:1::9/64' }]

const addressesOf = ({ json, stdout }: CniOutcome): string[] => {
  const { ips } = json as { readonly ips?: readonly { readonly address: string }[] }
  return (ips ?? [{ address: stdout }]).map(({ address }) => address)
}
const done = { status: 0, stdout: '' }
const files = async (host: Host) => (await leases(host)).split('\n').filter(Boolean)

describeHost('IPAM', () => {
  describe.each(doors)('%s', (_, call) => {
    it('host-local gives the first free address of each range, and stores a lease each', async () => {
      await withHost(async (host) => {
        const [a, b] = [await host.pod('a'), await host.pod('b')]
        expect(addressesOf(await call(host, 'ADD', a, 'host-local', { ranges }))).toEqual(['10.1.0.2/29', 'fd00:1::2/64'])
        expect(addressesOf(await call(host, 'ADD', b, 'host-local', { ranges }))).toEqual(['10.1.0.3/29', 'fd00:1::3/64'])
        expect(await host.run('cat', '/var/lib/cni/networks/net/10.1.0.2', '/var/lib/cni/networks/net/fd00:1::3')).toBe(
          'a\r\neth0b\r\neth0',
        )
        expect(await files(host)).toHaveLength(8)
      })
    })

    it.each([
      ['runtimeConfig.ips', { runtimeConfig: { ips: ['10.1.0.4'] } }, {}],
      ['args.cni.ips', { args: { cni: { ips: ['10.1.0.4'] } } }, {}],
      ['CNI_ARGS IP', {}, { args: 'IP=10.1.0.4' }],
    ])('host-local gives the address that %s requests', async (_, keys, options) => {
      await withHost(async (host) => {
        const [a, b] = [await host.pod('a'), await host.pod('b')]
        expect(addressesOf(await call(host, 'ADD', a, 'host-local', { ranges }, keys, options))).toEqual(['10.1.0.4/29', 'fd00:1::2/64'])
        const refused = await call(host, 'ADD', b, 'host-local', { ranges }, keys, options)
        expect(refused).toMatchObject({ status: 1, json: { code: 11, msg: expect.stringContaining('10.1.0.4 is not available') } })
        expect((await files(host)).filter((line) => line.includes(':b'))).toEqual([])
      })
    })

    it('host-local reports an exhausted range with code 11, STATUS with 50, until an address is released', async () => {
      await withHost(async (host) => {
        const tiny = { ranges: [[{ subnet: '10.1.0.0/30' }]] }
        const [a, b] = [await host.pod('a'), await host.pod('b')]
        expect(await call(host, 'STATUS', a, 'host-local', tiny)).toMatchObject(done)
        expect(addressesOf(await call(host, 'ADD', a, 'host-local', tiny))).toEqual(['10.1.0.2/30'])
        const exhausted = expect.stringContaining('no IP addresses available in range set: 10.1.0.1-10.1.0.2')
        expect(await call(host, 'ADD', b, 'host-local', tiny)).toMatchObject({ status: 1, json: { code: 11, msg: exhausted } })
        expect(await call(host, 'STATUS', a, 'host-local', tiny)).toMatchObject({ status: 1, json: { code: 50, msg: exhausted } })
        expect(await call(host, 'DEL', a, 'host-local', tiny)).toMatchObject(done)
        expect(await call(host, 'STATUS', a, 'host-local', tiny)).toMatchObject(done)
        expect(addressesOf(await call(host, 'ADD', b, 'host-local', tiny))).toEqual(['10.1.0.2/30'])
      })
    })

    it('host-local releases every lease of the pod when DEL comes, and DEL succeeds again when there is none', async () => {
      await withHost(async (host) => {
        const [a, b] = [await host.pod('a'), await host.pod('b')]
        for (const pod of [a, b]) await call(host, 'ADD', pod, 'host-local', { ranges })
        for (const _time of ['once', 'again']) {
          expect(await call(host, 'DEL', a, 'host-local', { ranges })).toMatchObject(done)
          expect((await files(host)).filter((line) => /\.\/net\/[0-9a-f.:]+:a/.test(line))).toEqual([])
        }
        expect(await host.run('cat', '/var/lib/cni/networks/net/10.1.0.3')).toBe('b\r\neth0')
      })
    })

    it('host-local fails CHECK when the lease is gone', async () => {
      await withHost(async (host) => {
        const pod = await host.pod('a')
        const { json: prevResult } = await call(host, 'ADD', pod, 'host-local', { ranges })
        const known = { prevResult: { cniVersion: '1.1.0', ...(prevResult as object) } }
        expect(await call(host, 'CHECK', pod, 'host-local', { ranges }, known)).toMatchObject(done)
        await host.run('rm', '/var/lib/cni/networks/net/10.1.0.2', '/var/lib/cni/networks/net/fd00:1::2')
        expect(await call(host, 'CHECK', pod, 'host-local', { ranges }, known)).toMatchObject({
          status: 1,
          json: { code: 999, msg: expect.stringContaining('Failed to find address added by container a') },
        })
      })
    })

    it('host-local releases what GC does not list, and nothing when there is no list', async () => {
      await withHost(async (host) => {
        const [a, b] = [await host.pod('a'), await host.pod('b')]
        for (const pod of [a, b]) await call(host, 'ADD', pod, 'host-local', { ranges })
        expect(await call(host, 'GC', a, 'host-local', { ranges })).toMatchObject(done)
        const both = await files(host)
        const valid = { 'cni.dev/valid-attachments': [{ containerID: 'b', ifname: 'eth0' }] }
        expect(await call(host, 'GC', a, 'host-local', { ranges }, valid)).toMatchObject(done)
        const left = await files(host)
        expect([both.some((line) => line.includes('10.1.0.2:')), left.some((line) => line.includes('10.1.0.2:'))]).toEqual([true, false])
        expect(left.some((line) => line.includes('10.1.0.3:'))).toBe(true)
      })
    })

    it.each([
      ['no range', { ranges: [] }, 'ipam: no IP ranges specified'],
      ['a subnet without room', { ranges: [[{ subnet: '10.1.0.0/31' }]] }, 'ipam.ranges[0][0].subnet: Network 10.1.0.0/31 too small'],
      ['a gateway of the other family', { subnet: '10.1.0.0/24', gateway: 'fd00::1' }, 'ipam.gateway: fd00::1 is an IPv6 address'],
    ])('host-local names the place and stores nothing when its configuration has %s', async (_, ipam, msg) => {
      await withHost(async (host) => {
        const pod = await host.pod('a')
        expect(await call(host, 'ADD', pod, 'host-local', ipam)).toMatchObject({
          status: 1,
          json: { code: 7, msg: expect.stringContaining(msg) },
        })
        expect(await files(host)).toEqual([])
      })
    })

    it('host-local gives pods that come at once addresses of their own', async () => {
      await withHost(async (host) => {
        const pods = await Promise.all(Array.from({ length: 5 }, (_, i) => host.pod(`p${i}`)))
        const given = await Promise.all(pods.map((pod) => call(host, 'ADD', pod, 'host-local', { ranges })))
        expect(new Set(given.flatMap(addressesOf)).size).toBe(10)
        expect(await call(host, 'STATUS', pods[0] as Pod, 'host-local', { ranges })).toMatchObject({ status: 1, json: { code: 50 } })
      })
    })

    it('static gives the configured addresses, routes and dns, and CHECK compares them', async () => {
      await withHost(async (host) => {
        const pod = await host.pod('a')
        const ipam = { addresses: fixed, routes: [{ dst: '10.9.0.0/16', gw: '10.1.0.1' }], dns: { nameservers: ['10.1.0.53'] } }
        const added = await call(host, 'ADD', pod, 'static', ipam)
        expect(addressesOf(added)).toEqual(['10.1.0.9/24', 'fd00:1::9/64'])
        expect(added.json).toMatchObject({ routes: [{ dst: '10.9.0.0/16', gw: '10.1.0.1' }], dns: { nameservers: ['10.1.0.53'] } })
        const known = { prevResult: { cniVersion: '1.1.0', ...(added.json as object) } }
        expect(await call(host, 'CHECK', pod, 'static', ipam, known)).toMatchObject(done)
        const other = { ...ipam, addresses: [...fixed, { address: '10.1.0.10/24' }] }
        expect(await call(host, 'CHECK', pod, 'static', other, known)).toMatchObject({
          status: 1,
          json: { code: 999, msg: 'static: Failed to match addr 10.1.0.10 on interface eth0' },
        })
        expect(await call(host, 'STATUS', pod, 'static', ipam)).toMatchObject(done)
        for (const _time of ['once', 'again']) expect(await call(host, 'DEL', pod, 'static', ipam)).toMatchObject(done)
      })
    })

    it.each([
      ['no prefix length', { addresses: [{ address: '10.1.0.9' }] }, "the 'address' field is expected to be in CIDR notation"],
      ['the subnet itself', { addresses: [{ address: '10.1.0.0/24' }] }, '10.1.0.0 is the network address of 10.1.0.0/24'],
    ])('static names the place when an address has %s', async (_, ipam, problem) => {
      await withHost(async (host) => {
        const msg = `invalid network configuration: ipam.addresses[0].address: ${problem}`
        expect(await call(host, 'ADD', await host.pod('a'), 'static', ipam)).toMatchObject({
          status: 1,
          json: { code: 7, msg: expect.stringContaining(msg) },
        })
      })
    })
  })
})

describeHost('a failing ADD with IPAM', () => {
  describe.each(doors.slice(0, 2))('%s', (_, call) => {
    it('releases the lease when a later step fails', async () => {
      await withHost(async (host) => {
        const pod = await host.pod('a')
        // A parameter is set when lease and interface are there.
        const failed = await call(host, 'ADD', pod, 'host-local', { ranges }, { sysctl: { 'net.ipv4.conf.IFNAME.no_such_parameter': '1' } })
        expect(failed).toMatchObject({ status: 1, json: { code: expect.any(Number), msg: expect.stringContaining('no_such_parameter') } })
        expect(await files(host)).toEqual([])
      })
    })
  })
})
