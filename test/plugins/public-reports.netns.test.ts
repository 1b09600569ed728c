// What users of CNI plugins have reported in public about routes, gateways, MTU, MAC addresses and kernel parameters, given to our plugins. Each test is
// named by the report: REPOSITORY#NUMBER of GitHub, `plugins` and `cni` being containernetworking's.

import { expect, it } from 'vitest'
import { callAttacher, layWire, routesIn } from '../harness/attachers.ts'
import { linkOf } from '../harness/bridge.ts'
import { addChain, callMember, forAll, type Member, refused } from '../harness/chained.ts'
import { noChildLinkReason } from '../harness/child-link.ts'
import { describeHost, type Host, type Pod, withHost } from '../harness/netns.ts'

const hasMacvlan = noChildLinkReason('macvlan') === undefined
const withPod = (body: (host: Host, pod: Pod) => Promise<void>) =>
  withHost(async (host) => {
    await layWire(host)
    await body(host, await host.pod())
  })

/** The chain's ADD, CHECK of all members, and DEL, each of which has to succeed; between CHECK and DEL `look`. */
async function live(
  host: Host,
  pod: Pod,
  members: readonly Member[],
  look: (result: unknown) => Promise<void>,
  ifname = 'eth0',
): Promise<void> {
  const results = await addChain(host, members, pod, {}, { ifname })
  await forAll(host, 'CHECK', members, pod, results.at(-1), {}, { ifname })
  await look(results.at(-1))
  await forAll(host, 'DEL', members, pod, results.at(-1), {}, { ifname })
}

const bridge = (ipam: object, more: object = {}): Member => ({ type: 'bridge', bridge: 'br0', ipam, ...more })
const fixed = (address: string, more: object = {}) => ({ type: 'static', addresses: [{ address }], ...more })
const table100 = async (pod: Pod) => (await routesIn(pod)).filter((line) => line.endsWith('table 100'))

describeHost('a fault reported to another project', () => {
  it.each([
    [
      'multus-cni#498',
      fixed('10.1.0.2/24', {
        routes: [
          { dst: '0.0.0.0/0', gw: '10.1.0.1' },
          { dst: '1.1.1.0/24', gw: '10.1.0.1' },
        ],
      }),
    ],
    ['plugins#893, multus-cni#1081', fixed('10.1.0.204/24', { routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }] })],
    ['plugins#654, multus-cni#706', { type: 'static', addresses: [{ address: '10.1.0.2/24', gateway: '10.1.0.1' }] }],
  ])('%s: sbr gives its table the default route, whether IPAM has it as route or as gateway', async (_report, ipam) => {
    await withPod((host, pod) =>
      live(host, pod, [bridge(ipam), { type: 'sbr' }], async () => {
        expect(await table100(pod)).toContain('default via 10.1.0.1 table 100')
      }),
    )
  })

  it('plugins#1217, multus-cni#707: sbr takes the gateway of its configuration when IPAM has none', async () => {
    await withPod((host, pod) =>
      live(host, pod, [bridge(fixed('10.1.0.2/24')), { type: 'sbr', gateways: ['10.1.0.1'], addSourceHints: true }], async () => {
        expect(await table100(pod)).toContain('default via 10.1.0.1 table 100')
        expect((await pod.exec('ip', ['route', 'get', '10.1.0.9'])).stdout).toContain('src 10.1.0.2')
      }),
    )
  })

  it('plugins#542: sbr finds the pod’s interface though a result lists the host’s before it', async () => {
    await withPod(async (host, pod) => {
      const [result] = await addChain(
        host,
        [bridge({ type: 'host-local', subnet: '10.1.0.0/24', dataDir: '/run/leases' }, { isGateway: true })],
        pod,
        {},
        { ifname: 'net1' },
      )
      // As a plugin that gives addresses no interface has it.
      const ips = result?.ips.map(({ interface: _index, ...rest }) => rest)
      const added = await callMember(host, 'ADD', { type: 'sbr' }, pod, { ...result, ips }, {}, { ifname: 'net1' })
      expect(added.status, added.stdout).toBe(0)
      expect(await table100(pod)).toContain('default via 10.1.0.1 table 100')
    })
  })

  it('plugins#233, container-libs#57: an IPv6 gateway outside the subnet is one that a route on the link leads to', async () => {
    await withPod(async (host, pod) => {
      const way = { '2001:db8:5::1': [{ dst: '2001:db8:5::1/128', scope: 253 }], 'fe80::1': [] }
      for (const [gateway, first] of Object.entries(way)) {
        const ipam = { type: 'static', addresses: [{ address: 'fd00:1::2/64', gateway }], routes: [...first, { dst: '::/0' }] }
        for (const main of [bridge(ipam), { type: 'ptp', ipam }, { type: 'podwire', ipam }]) {
          await live(host, pod, [main], async () =>
            expect(await routesIn(pod)).toContain(`${gateway.includes(':') ? '::/0' : 'default'} via ${gateway}`),
          )
        }
      }
    })
  })

  it('plugins#585: an interface name with a dot is one name to the kernel’s parameters', async () => {
    await withPod(async (host, pod) => {
      const ipam = { type: 'host-local', subnet: 'fd00:1::/64', dataDir: '/run/leases' }
      const tuned = { type: 'tuning', sysctl: { 'net.ipv4.conf.IFNAME.arp_filter': '1', 'net/ipv6/conf/IFNAME/accept_ra': '0' } }
      await live(
        host,
        pod,
        [bridge(ipam, { isGateway: true }), tuned],
        async () => {
          for (const key of ['ipv4/conf/eth0.100/arp_filter', 'ipv6/conf/eth0.100/keep_addr_on_down']) {
            expect((await pod.exec('cat', [`/proc/sys/net/${key}`])).stdout).toBe('1\n')
          }
        },
        'eth0.100',
      )
    })
  })

  it('ocicni#74, plugins#704: CHECK passes behind tuning, and when the host has changed its own end’s MAC', async () => {
    await withPod(async (host, pod) => {
      const ipam = { type: 'host-local', subnet: '10.1.0.0/24', dataDir: '/run/leases', routes: [{ dst: '0.0.0.0/0' }] }
      const tuned = {
        type: 'tuning',
        mac: '02:00:00:00:00:09',
        mtu: 1300,
        promisc: true,
        allmulti: true,
        sysctl: { 'net.ipv4.ip_local_port_range': '2000 65000' },
      }
      for (const main of [bridge(ipam, { isGateway: true }), { type: 'ptp', ipam }, { type: 'podwire', ipam }]) {
        const results = await addChain(host, [main, tuned], pod)
        const name = results[0]?.interfaces.find((entry) => entry.name.startsWith('veth') && !entry.sandbox)?.name ?? ''
        await host.run('ip', 'link', 'set', name, 'address', '02:00:00:00:00:77')
        await forAll(host, 'CHECK', [main, tuned], pod, results.at(-1))
        await forAll(host, 'DEL', [main, tuned], pod, results.at(-1))
      }
    })
  })

  it('plugins#102, plugins#59: IPv4 works where the kernel has no IPv6', async () => {
    await withPod(async (host, pod) => {
      await host.run('mount', '-t', 'tmpfs', 'tmpfs', '/proc/sys/net/ipv6')
      const ipam = { type: 'host-local', subnet: '10.1.0.0/24', dataDir: '/run/leases', routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] }
      for (const main of [bridge(ipam, { isGateway: true }), { type: 'ptp', ipam }, { type: 'podwire', ipam }]) {
        await live(host, pod, [main], async () => expect(await routesIn(pod)).toContain('default via 10.1.0.1'))
      }
    })
  })

  it('cni#356: a larger MTU than the bridge has goes to the pair, a smaller one does not go to the bridge’s other pods', async () => {
    await withPod(async (host, pod) => {
      const ipam = { type: 'host-local', subnet: '10.1.0.0/24', dataDir: '/run/leases' }
      const second = await host.pod()
      await addChain(host, [bridge(ipam, { mtu: 1400 })], pod)
      await addChain(host, [bridge(ipam, { mtu: 9000 })], second)
      expect([(await linkOf(pod, 'eth0'))?.mtu, (await linkOf(second, 'eth0'))?.mtu]).toEqual([1400, 9000])
    })
  })

  it.skipIf(!hasMacvlan)('plugins#393: macvlan with a larger MTU than its master is an error that says so', async () => {
    await withPod(async (host, pod) => {
      const wrong = { type: 'macvlan', master: 'wire0', mtu: 2000, ipam: fixed('10.1.0.2/24') }
      expect(await refused(callMember(host, 'ADD', wrong, pod, undefined))).toMatchObject({
        code: 7,
        msg: expect.stringMatching(/mtu.*2000.*1500/),
      })
    })
  })

  it.skipIf(!hasMacvlan)('multus-cni#1378: a MAC address of a group is an error that says so', async () => {
    await withPod(async (host, pod) => {
      const wrong = { type: 'macvlan', master: 'wire0', runtimeConfig: { mac: 'f1:fd:59:0b:bd:2b' }, ipam: fixed('10.1.0.2/24') }
      expect(await refused(callMember(host, 'ADD', wrong, pod, undefined))).toMatchObject({
        code: 7,
        msg: expect.stringContaining('runtimeConfig.mac: a multicast'),
      })
    })
  })

  it.skipIf(!hasMacvlan)('plugins#646: macvlan makes a route of IPAM’s gateway only when IPAM requests one', async () => {
    await withPod(async (host, pod) => {
      const ranges = { type: 'host-local', subnet: '10.1.0.0/24', dataDir: '/run/leases' }
      const macvlan = (ipam: object): Member => ({ type: 'macvlan', master: 'wire0', ipam })
      await live(host, pod, [macvlan(ranges)], async () => expect(await routesIn(pod)).toEqual([]))
      await live(host, pod, [macvlan({ ...ranges, routes: [{ dst: '0.0.0.0/0' }] })], async () =>
        expect(await routesIn(pod)).toEqual(['default via 10.1.0.1']),
      )
    })
  })

  it.skipIf(!hasMacvlan)('multus-cni#793: two halves in place of a default route are two routes', async () => {
    await withPod(async (host, pod) => {
      const ipam = fixed('10.1.0.2/24', { routes: ['0.0.0.0/1', '128.0.0.0/1'].map((dst) => ({ dst, gw: '10.1.0.1' })) })
      await live(host, pod, [{ type: 'macvlan', master: 'wire0', ipam }], async () => {
        expect(await routesIn(pod)).toEqual(['0.0.0.0/1 via 10.1.0.1', '128.0.0.0/1 via 10.1.0.1'])
      })
    })
  })

  it('cni#184, CNI-Genie#52: flannel’s delegate gives a default route by isDefaultGateway, and one next to ipam.routes', async () => {
    await withPod(async (host, pod) => {
      await host.run(
        'sh',
        '-c',
        'mkdir -p /run/flannel; printf "FLANNEL_NETWORK=10.4.0.0/16\\nFLANNEL_SUBNET=10.4.1.1/24\\nFLANNEL_MTU=1450\\nFLANNEL_IPMASQ=false\\n" >/run/flannel/subnet.env',
      )
      for (const routes of [[], [{ dst: '0.0.0.0/0' }, { dst: '10.4.0.0/16' }]]) {
        const flannel = { type: 'flannel', delegate: { isDefaultGateway: true }, ipam: { routes } }
        await live(host, pod, [flannel], async () => {
          expect((await routesIn(pod)).sort()).toEqual(['10.4.0.0/16 via 10.4.1.1', 'default via 10.4.1.1'])
        })
      }
    })
  })

  it('plugins#352: podwire and ptp give both ends of the pair the MTU', async () => {
    await withPod(async (host, pod) => {
      for (const kind of ['ptp', 'podwire', 'bridge']) {
        const keys = { mtu: 1300, ipam: { type: 'host-local', subnet: '10.1.0.0/24', dataDir: '/run/leases' } }
        const added = await callAttacher(host, 'ADD', kind, pod, keys)
        const { interfaces } = added.json as { interfaces: { name: string; sandbox?: string; mtu: number }[] }
        const end = interfaces.find(({ name, sandbox }) => name.startsWith('veth') && !sandbox)?.name ?? ''
        expect([(await linkOf(pod, 'eth0'))?.mtu, (await linkOf(host, end))?.mtu], kind).toEqual([1300, 1300])
        await callAttacher(host, 'DEL', kind, pod, keys)
      }
    })
  })
})
