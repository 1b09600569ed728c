// The plugin `sbr` for a pod with two interfaces: what is sent from an address leaves by its interface. Side by side with the reference plugin.

import { expect, it } from 'vitest'
import { noGoReason } from '../../../../test/clients/available.ts'
import { addChain, callMember, forAll, goneWith, type Maker, type Member, refused } from '../../../../test/harness/chained.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'
import { cniVersions } from '../../../cni/types.ts'

const hasGo = noGoReason('sbr') === undefined
const sbr = (more: object = {}): Member => ({ type: 'sbr', ...more })

/** An interface with an address of either family, on a bridge of its own. */
function net(n: number, more: object = {}): Member {
  const ranges = [[{ subnet: `10.${n}.0.0/24` }], [{ subnet: `fd00:${n}::/64` }]]
  return {
    type: 'bridge',
    bridge: `br${n}`,
    isDefaultGateway: n === 1,
    isGateway: true,
    ipam: { type: 'host-local', ranges, dataDir: '/run/leases' },
    ...more,
  }
}

const rulesOf = async (pod: Pod) => {
  const texts = await Promise.all(['-4', '-6'].map(async (family) => (await pod.exec('ip', [family, 'rule'])).stdout))
  const lines = texts
    .join('')
    .split('\n')
    .filter((line) => line && !/lookup (local|main|default)/.test(line))
  return lines.map((line) => line.slice(line.indexOf('from')).trim()).sort()
}
const routesOf = async (pod: Pod, table: string, family = '-4') => {
  const { stdout } = await pod.exec('ip', [family, 'route', 'show', 'table', table])
  return stdout
    .split('\n')
    .map((line) => line.trim().replace(/ metric \d+| pref medium/g, ''))
    .filter((line) => line && !line.startsWith('fe80') && !line.startsWith('multicast'))
    .sort()
}
const wayOf = async (pod: Pod, to: string, from: string) =>
  (await pod.exec('ip', ['route', 'get', to, 'from', from])).stdout.split('\n')[0]?.trim()

/** eth0 with the default route; net1 with `sbr` behind it. */
async function attach(host: Host, pod: Pod, member: Member, cniVersion = '1.1.0', maker: Maker = 'ours') {
  await addChain(host, [net(1)], pod, { cniVersion })
  return addChain(host, [net(2), { ...member, maker }], pod, { cniVersion, name: 'second' }, { ifname: 'net1' })
}

describeHost('sbr', () => {
  it.each(cniVersions)('sends by the interface of the source address in %s', async (cniVersion) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before, after] = await attach(host, pod, sbr(), cniVersion)
      expect(after).toEqual(before)
      expect(await rulesOf(pod)).toEqual(['from 10.2.0.2 lookup 100', 'from fd00:2::2 lookup 101'])
      expect(await routesOf(pod, '100')).toEqual([
        '10.2.0.0/24 dev net1 proto kernel scope link src 10.2.0.2',
        'default via 10.2.0.1 dev net1',
      ])
      expect(await routesOf(pod, '101', '-6')).toEqual(
        expect.arrayContaining(['default via fd00:2::1 dev net1', 'fd00:2::/64 dev net1 proto kernel']),
      )
      expect((await routesOf(pod, 'main')).join()).not.toContain('net1')
      expect(await wayOf(pod, '192.0.2.1', '10.2.0.2')).toContain('via 10.2.0.1 dev net1 table 100')
      expect(await wayOf(pod, '192.0.2.1', '10.1.0.2')).toContain('via 10.1.0.1 dev eth0')
      const options = { ifname: 'net1' }
      const network = { cniVersion, name: 'second' }
      if (cniVersion >= '0.4.0') await forAll(host, 'CHECK', [sbr()], pod, after, network, options)
      expect((await callMember(host, 'ADD', sbr(), pod, before, network, options)).json).toEqual(before)
      expect(await rulesOf(pod)).toHaveLength(2)
      for (let i = 0; i < 2; i++) await forAll(host, 'DEL', [sbr()], pod, after, network, options)
      expect(await rulesOf(pod)).toEqual([])
      await forAll(host, 'DEL', [net(2)], pod, after, network, options)
    })
  })

  it('adds rules only, with a table that another has filled', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const after = (await attach(host, pod, sbr({ table: 4000 })))[1]
      expect(await rulesOf(pod)).toEqual(['from 10.2.0.2 lookup 4000', 'from fd00:2::2 lookup 4000'])
      expect((await routesOf(pod, 'main')).join()).toContain('net1')
      const [network, options] = [{ name: 'second' }, { ifname: 'net1' }]
      await forAll(host, 'CHECK', [sbr({ table: 4000 })], pod, after, network, options)
      await pod.exec('ip', ['rule', 'add', 'from', '10.2.0.2', 'lookup', '77'])
      await forAll(host, 'DEL', [sbr({ table: 4000 })], pod, undefined, network, options)
      expect(await rulesOf(pod)).toEqual(['from 10.2.0.2 lookup 77'])
    })
  })

  it('leaves hints in the main table, and takes gateways of the configuration', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const member = sbr({ addSourceHints: true, gateways: ['10.2.0.200', 'fd00:2::200'] })
      const after = (await attach(host, pod, member))[1]
      expect(await routesOf(pod, 'main')).toContain('10.2.0.0/24 dev net1 scope link src 10.2.0.2')
      expect((await routesOf(pod, 'main', '-6')).join()).toContain('fd00:2::/64 dev net1 src fd00:2::2')
      expect(await routesOf(pod, '100')).toContain('default via 10.2.0.200 dev net1')
      const check = () => callMember(host, 'CHECK', member, pod, after, { name: 'second' }, { ifname: 'net1' })
      expect(await check()).toMatchObject({ status: 0, stdout: '' })
      await pod.exec('ip', ['route', 'del', '10.2.0.0/24', 'dev', 'net1', 'table', 'main'])
      expect(await refused(check())).toMatchObject({ code: 999, msg: 'the main table lacks the route to 10.2.0.0/24' })
    })
  })

  it('finds on CHECK that a rule or a default route is missing', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const after = (await attach(host, pod, sbr()))[1]
      const check = () => refused(callMember(host, 'CHECK', sbr(), pod, after, { name: 'second' }, { ifname: 'net1' }))
      await pod.exec('ip', ['route', 'flush', 'table', '100'])
      expect(await check()).toMatchObject({ code: 999, msg: 'table 100 has no default route for 10.2.0.2/32' })
      await pod.exec('ip', ['rule', 'del', 'from', '10.2.0.2'])
      expect(await check()).toMatchObject({ code: 999, msg: 'rule from 10.2.0.2/32 is missing' })
    })
  })

  it('restores everything when the kernel rejects a change', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [net(2)], pod, { name: 'second' }, { ifname: 'net1' })
      const was = [await routesOf(pod, 'main'), await routesOf(pod, 'main', '-6')]
      // No way leads to that gateway.
      const member = sbr({ gateways: ['203.0.113.1'] })
      expect(await refused(callMember(host, 'ADD', member, pod, before, { name: 'second' }, { ifname: 'net1' }))).toMatchObject({ code: 5 })
      expect([await routesOf(pod, 'main'), await routesOf(pod, 'main', '-6')]).toEqual(was)
      expect(await rulesOf(pod)).toEqual([])
    })
  })

  it('succeeds on DEL where the namespace or the interface is gone, and makes no file', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const after = (await attach(host, pod, sbr()))[1]
      const [network, options] = [{ name: 'second' }, { ifname: 'net1' }]
      await pod.exec('ip', ['link', 'del', 'net1'])
      await forAll(host, 'DEL', [sbr()], pod, after, network, options)
      expect(await rulesOf(pod)).toEqual([])
      await host.run('ip', 'netns', 'del', pod.name)
      for (const where of [pod, goneWith(pod)]) await forAll(host, 'DEL', [sbr()], where, after, network, options)
      expect(await host.run('ls', '/run/netns')).toBe('')
      expect(await callMember(host, 'STATUS', sbr(), pod, undefined)).toMatchObject({ status: 0, stdout: '' })
      expect(await callMember(host, 'GC', sbr({ 'cni.dev/valid-attachments': [] }), pod, undefined)).toMatchObject({
        status: 0,
        stdout: '',
      })
    })
  })

  it.each([
    [{}, undefined, 'prevResult: is missing'],
    [{}, { ips: [] }, 'No IP addresses supplied on interface: net1'],
    [
      {},
      { interfaces: [{ name: 'eth0' }], ips: [{ address: '10.2.0.2/24', interface: 0 }] },
      'No IP addresses supplied on interface: net1',
    ],
    [{}, { ips: [{ address: '10.2.0.2/24' }] }, 'Cannot find network interface net1'],
    [{ table: 254 }, { ips: [] }, 'table: expected a table other than'],
    [{ table: '100' }, { ips: [] }, 'table: expected a whole number'],
    [{ gateways: ['10.0.0.1', '10.0.0.2'] }, { ips: [] }, 'gateways: expected at most one address a family'],
    [{ gateways: ['x'] }, { ips: [] }, 'gateways: expected IP addresses, got "x"'],
    [{ addSourceHints: 'yes' }, { ips: [] }, 'addSourceHints: expected true or false'],
  ])('rejects %j with %j', async (options, prevResult, msg) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const given = prevResult && { cniVersion: '1.1.0', ...prevResult }
      expect(await refused(callMember(host, 'ADD', sbr(options), pod, given, {}, { ifname: 'net1' }))).toMatchObject({
        code: 7,
        msg: expect.stringContaining(msg),
      })
    })
  })

  it.skipIf(!hasGo)('makes the same rules and tables as the reference plugin, and each removes the other’s', async () => {
    await withHost(async (host) => {
      const seen = new Map<Maker, unknown>()
      for (const maker of ['ours', 'go'] as const) {
        const pod = await host.pod(maker)
        const family4 = {
          ipam: {
            type: 'static',
            addresses: [
              { address: '10.2.0.2/24', gateway: '10.2.0.1' },
              { address: '10.3.0.2/24', gateway: '10.3.0.1' },
            ],
          },
        }
        const chain = [net(2, family4), sbr({ maker })]
        const [network, options] = [{ name: 'second' }, { ifname: 'net1' }]
        const results = await addChain(host, chain, pod, network, options)
        seen.set(maker, [
          results[1]?.ips,
          await rulesOf(pod),
          await routesOf(pod, '100'),
          await routesOf(pod, '101'),
          await routesOf(pod, 'main'),
        ])
        await forAll(host, 'CHECK', [sbr()], pod, results[1], network, options)
        const other = maker === 'ours' ? 'go' : 'ours'
        const removed = await callMember(host, 'DEL', sbr({ maker: other }), pod, results[1], network, options)
        expect(removed, removed.stdout).toMatchObject({ status: 0 })
        expect(await rulesOf(pod)).toEqual([])
      }
      expect(seen.get('ours')).toEqual(seen.get('go'))
    })
  })
})
