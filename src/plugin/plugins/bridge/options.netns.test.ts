// Every option of `bridge` by what it makes of the kernel.

import { beforeAll, expect, it } from 'vitest'
import { attach, detach, linkOf, network, portsOf, refuse, routesOf, traces } from '../../../../test/harness/bridge.ts'
import { type CniOptions, describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'

/** What there is after one ADD, from the bridge to the pod. */
async function see(host: Host, pod: Pod, config: unknown, options?: CniOptions) {
  const result = await attach(host, pod, config, options)
  const [port = ''] = await portsOf(host)
  const sysctl = async (place: Host | Pod, key: string) => (await place.exec('cat', [`/proc/sys/net/${key}`])).stdout.trim()
  return {
    result,
    bridge: await linkOf(host, 'br0'),
    port: await linkOf(host, port),
    pod: await linkOf(pod, 'eth0'),
    routes: await routesOf(pod),
    forwarding: [await sysctl(host, 'ipv4/ip_forward'), await sysctl(host, 'ipv6/conf/all/forwarding')],
    dad: [await sysctl(pod, 'ipv6/conf/eth0/accept_dad'), await sysctl(pod, 'ipv6/conf/eth0/enhanced_dad')],
    arpNotify: await sysctl(pod, 'ipv4/conf/eth0/arp_notify'),
  }
}

const dual = { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]] }
const v6only = { type: 'host-local', subnet: 'fd00:1::/64' }
const macs = {
  runtimeConfig: { mac: '02:00:00:00:00:01' },
  args: { cni: { mac: '02:00:00:00:00:02' } },
}

type Seen = Awaited<ReturnType<typeof see>>
type Expected = { readonly [key in keyof Seen]?: unknown }

const options: readonly [title: string, override: object, expected: Expected, call?: CniOptions][] = [
  [
    'with none set gives layer 3 in the pod and none on the bridge',
    { isGateway: false },
    {
      result: {
        cniVersion: '1.1.0',
        interfaces: [
          { name: 'br0', mtu: 1500 },
          { name: expect.stringMatching(/^veth[0-9a-f]{8}$/), mtu: 1500 },
          { name: 'eth0', mac: '0a:58:0a:01:00:02', mtu: 1500, sandbox: '/var/run/netns/pod1' },
        ],
        ips: [{ address: '10.1.0.2/24', gateway: '10.1.0.1', interface: 2 }],
      },
      bridge: { kind: 'bridge', up: true, promisc: false, vlanFiltering: 0, addresses: [] },
      port: { kind: 'veth', up: true, state: 'UP', master: 'br0', hairpin: false, isolated: false, alias: 'podwire:net:pod1:eth0' },
      pod: { up: true, state: 'UP', mtu: 1500, mac: '0a:58:0a:01:00:02', addresses: ['10.1.0.2/24'] },
      routes: [],
      forwarding: ['0', '0'],
      dad: ['0', '1'],
      arpNotify: '1',
    },
  ],
  [
    'isGateway gives the bridge the first address, its MAC, and lets the host forward',
    {},
    { bridge: { addresses: ['10.1.0.1/24'], mac: '0a:58:0a:01:00:01' }, routes: [], forwarding: ['1', '0'] },
  ],
  [
    'isDefaultGateway implies isGateway and adds the default route',
    { isGateway: false, isDefaultGateway: true },
    {
      bridge: { addresses: ['10.1.0.1/24'] },
      routes: ['default via 10.1.0.1'],
      result: { routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }] },
    },
  ],
  [
    'isDefaultGateway leaves a default route that names its gateway alone',
    { isDefaultGateway: true, ipam: { ...network.ipam, routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.9' }] } },
    { routes: ['default via 10.1.0.9'], result: { routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.9' }] } },
  ],
  [
    'isDefaultGateway serves both families, and forwards both',
    { isDefaultGateway: true, ipam: dual },
    {
      bridge: { addresses: ['10.1.0.1/24', 'fd00:1::1/64'], mac: '0a:58:0a:01:00:01' },
      pod: { addresses: ['10.1.0.2/24', 'fd00:1::2/64'], mac: '0a:58:0a:01:00:02', tentative: false },
      routes: ['default via 10.1.0.1', 'default via fd00:1::1'],
      forwarding: ['1', '1'],
    },
  ],
  [
    'a gateway that IPAM names is the one',
    { ipam: { ...network.ipam, gateway: '10.1.0.254' } },
    { bridge: { addresses: ['10.1.0.254/24'], mac: '0a:58:0a:01:00:fe' }, result: { ips: [{ gateway: '10.1.0.254' }] } },
  ],
  [
    'a gateway that IPAM leaves open is the first address of the subnet',
    { ipam: { type: 'static', addresses: [{ address: '10.1.0.77/24' }] } },
    { bridge: { addresses: ['10.1.0.1/24'] }, result: { ips: [{ address: '10.1.0.77/24', gateway: '10.1.0.1' }] } },
  ],
  [
    'IPv6 alone leaves the MAC to the kernel and waits for nothing',
    { ipam: v6only },
    {
      bridge: { addresses: ['fd00:1::1/64'], mac: expect.stringMatching(/^0a:58:/) },
      pod: { addresses: ['fd00:1::2/64'], tentative: false },
      forwarding: ['0', '1'],
    },
  ],
  [
    'enabledad checks the address and waits for the outcome',
    { enabledad: true, ipam: dual },
    { dad: ['1', '1'], pod: { tentative: false } },
  ],
  ['hairpinMode reflects on this port', { hairpinMode: true }, { port: { hairpin: true, isolated: false } }],
  ['promiscMode is the bridge’s', { promiscMode: true }, { bridge: { promisc: true } }],
  ['portIsolation isolates this port', { portIsolation: true }, { port: { isolated: true, hairpin: false } }],
  [
    'mtu is the bridge’s and both ends’',
    { mtu: 1400 },
    {
      bridge: { mtu: 1400 },
      port: { mtu: 1400 },
      pod: { mtu: 1400 },
      result: { interfaces: [{ mtu: 1400 }, { mtu: 1400 }, { mtu: 1400 }] },
    },
  ],
  [
    'without ipam there is layer 2 only, and the pod’s interface is up',
    { ipam: {} },
    { bridge: { addresses: [] }, pod: { up: true, addresses: [] }, port: { state: 'UP' }, forwarding: ['0', '0'] },
  ],
  [
    'disableContainerInterface leaves the pod’s end down',
    { ipam: undefined, disableContainerInterface: true },
    { pod: { up: false }, port: { up: true } },
  ],
  [
    'dns overrides IPAM’s as a whole',
    { dns: { nameservers: ['10.1.0.3'] }, ipam: { type: 'static', addresses: [{ address: '10.1.0.7/24' }], dns: { domain: 'ipam.test' } } },
    { result: { dns: { nameservers: ['10.1.0.3'] } } },
  ],
  [
    'dns without a field leaves IPAM’s',
    { dns: {}, ipam: { type: 'static', addresses: [{ address: '10.1.0.7/24' }], dns: { domain: 'ipam.test' } } },
    { result: { dns: { domain: 'ipam.test' } } },
  ],
  ['runtimeConfig.mac comes before all', macs, { pod: { mac: '02:00:00:00:00:01' } }, { args: 'MAC=02:00:00:00:00:03' }],
  ['args.cni.mac comes before CNI_ARGS', { args: macs.args }, { pod: { mac: '02:00:00:00:00:02' } }, { args: 'MAC=02:00:00:00:00:03' }],
  [
    'CNI_ARGS MAC comes before the address’s',
    {},
    { pod: { mac: '02:00:00:00:00:03' }, result: { interfaces: [{}, {}, { mac: '02:00:00:00:00:03' }] } },
    { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:03' },
  ],
]

describeHost('an option of bridge', () => {
  it.each(options)('%s', async (_, override, expected, call) => {
    await withHost(async (host) => {
      const before = await traces(host)
      const pod = await host.pod()
      const config = { ...network, ...override }
      const seen = await see(host, pod, config, call)
      expect(seen).toMatchObject(expected)
      // And all of it goes again, but the bridge, which is the network's and not the pod's.
      await detach(host, pod, config, call)
      await host.run('ip', 'link', 'del', 'br0')
      expect(await traces(host)).toEqual(before)
    })
  })
})

describeHost('a bridge that exists', () => {
  const present: readonly [title: string, commands: string, override: object, error: object | undefined, addresses: readonly string[]][] = [
    [
      'with another IPv4 address is a conflict',
      'ip addr add 10.9.0.1/24 dev br0',
      {},
      { code: 7, msg: '"br0" already has an IP address different from 10.1.0.1/24' },
      ['10.9.0.1/24'],
    ],
    [
      'with the same address of another length is a conflict',
      'ip addr add 10.1.0.1/16 dev br0',
      {},
      { code: 7, msg: '"br0" already has an IP address different from 10.1.0.1/24' },
      ['10.1.0.1/16'],
    ],
    ['changes its address when forceAddress is set', 'ip addr add 10.9.0.1/24 dev br0', { forceAddress: true }, undefined, ['10.1.0.1/24']],
    [
      'changes all its addresses, secondary ones too, when forceAddress is set',
      'ip addr add 10.9.0.1/24 dev br0; ip addr add 10.9.0.2/24 dev br0; ip addr add 10.8.0.1/24 dev br0',
      { forceAddress: true },
      undefined,
      ['10.1.0.1/24'],
    ],
    [
      'keeps the gateway where it has it',
      'ip addr add 10.1.0.1/24 dev br0; ip addr add 10.9.0.1/24 dev br0',
      {},
      undefined,
      ['10.1.0.1/24', '10.9.0.1/24'],
    ],
    [
      'leaves an IPv6 subnet next to another',
      'ip addr add fd00:2::1/64 dev br0 nodad',
      { ipam: v6only },
      undefined,
      ['fd00:1::1/64', 'fd00:2::1/64'],
    ],
    [
      'with an overlapping IPv6 subnet is a conflict',
      'ip addr add fd00:1::7/48 dev br0 nodad',
      { ipam: v6only },
      { code: 7, msg: '"br0" already has an IP address different from fd00:1::1/64' },
      ['fd00:1::7/48'],
    ],
    [
      'replaces an overlapping IPv6 subnet when forceAddress is set',
      'ip addr add fd00:1::7/48 dev br0 nodad',
      { ipam: v6only, forceAddress: true },
      undefined,
      ['fd00:1::1/64'],
    ],
    ['gets no address where it is no gateway', 'ip addr add 10.9.0.1/24 dev br0', { isGateway: false }, undefined, ['10.9.0.1/24']],
  ]

  it.each(present)('%s', async (_, commands, override, error, addresses) => {
    await withHost(async (host) => {
      await host.run('sh', '-c', `ip link add br0 address 02:00:00:00:00:99 type bridge; ip link set br0 up; ${commands}`)
      const pod = await host.pod()
      const before = await traces(host)
      const config = { ...network, ...override }
      if (error) {
        expect(await refuse(host, 'ADD', config, { netns: pod.netns })).toMatchObject(error)
        expect(await traces(host)).toEqual(before)
        expect(await linkOf(pod, 'eth0')).toBe(null)
      } else {
        await attach(host, pod, config)
      }
      expect((await linkOf(host, 'br0'))?.addresses.sort()).toEqual(addresses)
    })
  })

  it('and has no address gets the gateway’s, and its MAC stays', async () => {
    await withHost(async (host) => {
      await host.run('ip', 'link', 'add', 'br0', 'address', '02:00:00:00:00:99', 'type', 'bridge')
      const { interfaces } = await attach(host, await host.pod())
      expect(await linkOf(host, 'br0')).toMatchObject({ addresses: ['10.1.0.1/24'], mac: '02:00:00:00:00:99' })
      expect(interfaces[0]).toMatchObject({ name: 'br0', mac: '02:00:00:00:00:99' })
    })
  })

  it('is left as its owner set it up, and joined', async () => {
    await withHost(async (host) => {
      await host.run(
        'sh',
        '-c',
        'ip link add br0 address 02:00:00:00:00:99 type bridge ageing_time 1234; ip link set br0 mtu 1300; ip addr add 10.1.0.1/24 dev br0',
      )
      const pod = await host.pod()
      await attach(host, pod, { ...network, mtu: 1200 })
      expect(await linkOf(host, 'br0')).toMatchObject({ up: true, mtu: 1300, mac: '02:00:00:00:00:99' })
      expect(await host.run('cat', '/sys/class/net/br0/bridge/ageing_time')).toBe('1234\n')
      expect((await linkOf(pod, 'eth0'))?.mtu).toBe(1200)
    })
  })

  it('but is another kind of link, is rejected by name and left alone', async () => {
    await withHost(async (host) => {
      await host.run('ip', 'link', 'add', 'br0', 'type', 'veth', 'peer', 'other')
      const pod = await host.pod()
      const before = await traces(host)
      const error = await refuse(host, 'ADD', network, { netns: pod.netns })
      expect(error).toMatchObject({ code: 7, msg: 'bridge: "br0" already exists but is not a bridge' })
      expect(await traces(host)).toEqual(before)
      expect(await linkOf(pod, 'eth0')).toBe(null)
    })
  })
})

describeHost('VLANs of a port', () => {
  let filters = false
  beforeAll(async () => {
    await withHost(async (host) => {
      await host.exec('ip', ['link', 'add', 'br9', 'type', 'bridge', 'vlan_filtering', '1'])
      filters = (await linkOf(host, 'br9'))?.vlanFiltering === 1
    })
  })

  const rows: readonly [title: string, override: object, vlans: readonly string[]][] = [
    ['vlan is untagged and replaces the default', { vlan: 100 }, ['100 PVID Egress Untagged']],
    [
      'vlanTrunk is tagged, its native VLAN is 1',
      { vlanTrunk: [{ id: 7 }, { minID: 10, maxID: 12 }] },
      ['1 PVID Egress Untagged', '7', '10', '11', '12'],
    ],
    ['both together', { vlan: 100, vlanTrunk: [{ id: 100 }, { id: 7 }] }, ['7', '100 PVID Egress Untagged']],
    ['preserveDefaultVlan keeps VLAN 1', { vlan: 100, preserveDefaultVlan: true }, ['1 Egress Untagged', '100 PVID Egress Untagged']],
  ]

  it.each(rows)('%s; a kernel without VLAN filtering is reported and nothing is left', async (_, override, vlans) => {
    await withHost(async (host) => {
      const before = await traces(host)
      const pod = await host.pod()
      const config = { ...network, isGateway: false, ...override }
      if (filters) {
        await attach(host, pod, config)
        const [port = ''] = await portsOf(host)
        expect((await linkOf(host, 'br0'))?.vlanFiltering).toBe(1)
        const [shown] = JSON.parse(await host.run('bridge', '-j', 'vlan', 'show', 'dev', port))
        const output = shown.vlans.flatMap(({ vlan, vlanEnd = vlan, flags = [] }: { vlan: number; vlanEnd?: number; flags?: string[] }) =>
          Array.from({ length: vlanEnd - vlan + 1 }, (_, i) => [vlan + i, ...flags].join(' ')),
        )
        expect(output).toEqual(vlans)
        return
      }
      const error = await refuse(host, 'ADD', config, { netns: pod.netns })
      const expected = { code: 2, msg: 'vlan, vlanTrunk: this kernel has no VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)' }
      expect(error).toMatchObject(expected)
      expect(await traces(host)).toEqual(before)
      expect(await linkOf(pod, 'eth0')).toBe(null)
      // Where the bridge exists, the kernel reports that only for the port.
      await host.run('ip', 'link', 'add', 'br0', 'up', 'address', '02:00:00:00:00:99', 'type', 'bridge')
      const bare = await traces(host)
      expect(await refuse(host, 'ADD', config, { netns: pod.netns })).toMatchObject(expected)
      expect(await traces(host)).toEqual(bare)
    })
  })
})

describeHost('macspoofchk and ipMasq', () => {
  const rows: readonly [title: string, override: object, made: readonly string[], gone: readonly string[]][] = [
    [
      'macspoofchk lets only the pod’s MAC through, and leaves table and base chain',
      { macspoofchk: true },
      [
        'chain cni-br-iface-pod1-eth0-mac',
        'ether saddr 0a:58:0a:01:00:02 return',
        'jump cni-br-iface-pod1-eth0',
        'comment "macspoofchk-pod1-eth0"',
      ],
      ['cni-br-iface', 'macspoofchk-'],
    ],
    [
      'ipMasq over nftables',
      { ipMasq: true, ipMasqBackend: 'nftables' },
      ['ip saddr 10.1.0.2 ip daddr != 10.1.0.0/24 masquerade', 'net: net, if: eth0, id: pod1'],
      ['10.1.0.2'],
    ],
    ['ipMasq over iptables', { ipMasq: true, ipMasqBackend: 'iptables' }, ['ip saddr 10.1.0.2', 'chain CNI-'], ['10.1.0', 'CNI-']],
  ]

  it.each(rows)('%s', async (_, override, made, gone) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const config = { ...network, ...override }
      await attach(host, pod, config)
      const rules = await host.run('nft', 'list', 'ruleset')
      for (const text of made) expect(rules).toContain(text)
      await detach(host, pod, config)
      const left = await host.run('nft', 'list', 'ruleset')
      for (const text of gone) expect(left).not.toContain(text)
    })
  })
})
