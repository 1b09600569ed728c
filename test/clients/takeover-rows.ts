// What the take-over is tried with: every plugin that keeps state outside of the pod, with the options that change what the state is.

import type { Maker, Member } from '../harness/chained.ts'

/** One line of the table: the plugin at the end of `chain` is taken over; those before it are always ours. */
export interface Row {
  readonly plugin: string
  readonly option: string
  readonly chain: readonly Member[]
  /** 1.1.0 where absent. */
  readonly cniVersion?: string
  /** What the kernel has to have. */
  readonly needs?: 'vlan' | 'ifb'
  /** What differs on purpose: the step, and what is then said. */
  readonly differs?: (taker: Maker) => Readonly<Record<string, RegExp>>
  /** What stays after a DEL, by either maker, until the interface goes. */
  readonly stays?: RegExp
}

const subnets = { ranges: [[{ subnet: '10.9.0.0/24' }], [{ subnet: 'fd09::/64' }]] }
const routes = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }]
const dual: Member = { type: 'host-local', ...subnets, routes }
const v4 = { type: 'host-local', subnet: '10.9.0.0/24', routes: [{ dst: '0.0.0.0/0' }] }
const v6 = { type: 'host-local', subnet: 'fd09::/64', routes: [{ dst: '::/0' }] }
const bridge: Member = { type: 'bridge', bridge: 'cni9', isGateway: true, hairpinMode: true, ipam: dual }
const ptp: Member = { type: 'ptp', ipam: dual }

const backends = ['iptables', 'nftables'] as const
const families = { IPv4: v4, IPv6: v6, 'both families': dual }

const row = (plugin: string, option: string, chain: readonly Member[], more: Omit<Row, 'plugin' | 'option' | 'chain'> = {}): Row => ({
  plugin,
  option,
  chain,
  ...more,
})

const mains: Row[] = [
  ...backends.flatMap((ipMasqBackend) =>
    Object.entries(families).flatMap(([title, ipam]) => [
      row('bridge', `masquerade by ${ipMasqBackend}, ${title}`, [{ ...bridge, ipMasq: true, ipMasqBackend, ipam }]),
      row('ptp', `masquerade by ${ipMasqBackend}, ${title}`, [{ ...ptp, ipMasq: true, ipMasqBackend, ipam }]),
    ]),
  ),
  row('bridge', 'isDefaultGateway, mtu', [{ ...bridge, isDefaultGateway: true, mtu: 1400, ipam: { ...dual, routes: [] } }]),
  row('bridge', 'macspoofchk', [{ ...bridge, macspoofchk: true }]),
  row('bridge', 'vlan', [{ ...bridge, vlan: 5 }], { needs: 'vlan' }),
  row('bridge', 'vlanTrunk, without gateway', [{ ...bridge, isGateway: false, vlanTrunk: [{ minID: 10, maxID: 12 }, { id: 20 }] }], {
    needs: 'vlan',
  }),
  row('bridge', 'promiscMode, portIsolation', [{ ...bridge, hairpinMode: false, promiscMode: true, portIsolation: true }]),
  row('bridge', 'without addresses', [{ type: 'bridge', bridge: 'cni9' }], {
    // The reference plugin asks for an IPAM plugin without a name, also of its own pods.
    differs: (taker) => ({
      'CHECK by go': /no plugin name provided/,
      ...(taker === 'go' && { 'neighbour: CHECK by go': /no plugin name/ }),
    }),
  }),
  row('ptp', 'mtu', [{ ...ptp, mtu: 1400 }]),
  row('macvlan', 'bridge', [{ type: 'macvlan', master: 'wire0', ipam: dual }]),
  row('macvlan', 'private, mac, mtu', [
    { type: 'macvlan', master: 'wire0', mode: 'private', mtu: 1400, mac: '02:00:00:00:00:09', ipam: dual },
  ]),
]

const leases: Row[] = [
  row('host-local', 'both families', [{ type: 'host-local', ipam: dual }]),
  row('host-local', 'dataDir', [{ type: 'host-local', ipam: { ...dual, dataDir: '/run/cni/leases' } }]),
  row('host-local', 'two ranges in a set', [
    { type: 'host-local', ipam: { type: 'host-local', ranges: [[{ subnet: '10.9.0.0/30' }, { subnet: '10.9.1.0/24' }]] } },
  ]),
]

const portMappings = [
  { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  { hostPort: 8053, containerPort: 53, protocol: 'udp' },
  { hostPort: 8081, containerPort: 81, protocol: 'sctp' },
  { hostPort: 8082, containerPort: 82, protocol: 'tcp', hostIP: '127.0.0.1' },
  { hostPort: 8083, containerPort: 83, protocol: 'tcp', hostIP: 'fd03::1' },
]
const leftByGc = (what: RegExp): Pick<Row, 'differs'> => ({
  differs: (taker): Record<string, RegExp> => (taker === 'ours' ? { 'GC leaves': what } : {}),
})
const portmap = (option: string, more: (backend: (typeof backends)[number]) => object = () => ({})) =>
  backends.map((backend) =>
    row(
      'portmap',
      `${option}, ${backend}`,
      [bridge, { type: 'portmap', backend, runtimeConfig: { portMappings }, ...more(backend) }],
      // The comment of the reference plugin's rules names no network.
      backend === 'nftables' ? leftByGc(/dport 8080 dnat to 10\.9\.0\.\d+:80 comment "pod/) : {},
    ),
  )
const conditions = {
  iptables: { conditionsV4: ['!', '-s', '192.0.2.0/24'], conditionsV6: ['!', '-s', 'fd03::/64'] },
  nftables: { conditionsV4: ['ip', 'saddr', '!=', '192.0.2.0/24'], conditionsV6: ['ip6', 'saddr', '!=', 'fd03::/64'] },
}

const unchosen = { ingressRate: 2e7, ingressBurst: 2 ** 32 - 1, egressRate: 1e7, egressBurst: 2 ** 32 - 1 }
const shaped = {
  needs: 'ifb' as const,
  stays: /vethX/,
  // The reference plugin's IFBs do not say whose they are.
  ...leftByGc(/bwpX/),
}

const records = /^(records: \/run\/cni\/firewall\/\S+: undefined → there\n?)+$/
const recorded: Pick<Row, 'differs'> = {
  // The reference plugin knows nothing of our records; an ADD of the same address replaces them. Its own rules name no owner.
  differs: (taker): Record<string, RegExp> =>
    taker === 'go' ? { 'DEL leaves': records } : { 'in the end': records, 'GC leaves': /-A CNI-FORWARD -s 10\.9\.0\./ },
}

// The reference plugin's backups name no network.
const backedUp = leftByGc(/(tuning|backups)\/pod\d+_eth0\.json/)

const chained: Row[] = [
  ...portmap('ports of both families'),
  ...portmap('snat off', () => ({ snat: false })),
  ...portmap('masqAll', () => ({ masqAll: true })),
  ...portmap('conditions', (backend) => conditions[backend]),
  row('portmap', 'markMasqBit, iptables', [
    bridge,
    { type: 'portmap', backend: 'iptables', markMasqBit: 5, runtimeConfig: { portMappings } },
  ]),
  ...(['open', 'same-bridge', 'isolated'] as const).map((ingressPolicy) =>
    row('firewall', `${ingressPolicy}, iptables`, [bridge, { type: 'firewall', backend: 'iptables', ingressPolicy }], recorded),
  ),
  row('firewall', 'another chain, iptables', [bridge, { type: 'firewall', backend: 'iptables', iptablesAdminChainName: 'OURS' }], recorded),
  row(
    'bandwidth',
    'both ways',
    [ptp, { type: 'bandwidth', ingressRate: 2e7, ingressBurst: 2e6, egressRate: 1e7, egressBurst: 1e6 }],
    shaped,
  ),
  row('bandwidth', 'to the pod', [bridge, { type: 'bandwidth', ingressRate: 2e7, ingressBurst: 2e6 }], { ...shaped, differs: () => ({}) }),
  row('bandwidth', 'from the pod', [bridge, { type: 'bandwidth', egressRate: 1e7, egressBurst: 1e6 }], shaped),
  row('bandwidth', 'bursts by default', [bridge, { type: 'bandwidth', runtimeConfig: { bandwidth: unchosen } }], {
    ...shaped,
    // The reference plugin wants the burst of half a gigabyte.
    differs: (taker) => (taker === 'ours' ? { 'GC leaves': /bwpX/ } : { 'CHECK by go': /Limit doesn't match/ }),
  }),
  row('tuning', 'mtu, txQLen', [bridge, { type: 'tuning', mtu: 1400, txQLen: 20 }], backedUp),
  row('tuning', 'mac', [bridge, { type: 'tuning', mac: '02:00:00:00:00:09' }], backedUp),
  row('tuning', 'promisc, allmulti', [bridge, { type: 'tuning', promisc: true, allmulti: true }], backedUp),
  row('tuning', 'sysctl', [bridge, { type: 'tuning', sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': '2', 'net.core.somaxconn': '512' } }]),
  row('tuning', 'dataDir', [bridge, { type: 'tuning', mtu: 1400, dataDir: '/run/cni/backups' }], backedUp),
  row('sbr', 'tables of its own', [bridge, { type: 'sbr' }], { stays: /^pod route/ }),
  row('sbr', 'table', [bridge, { type: 'sbr', table: 200 }]),
]

/** Each plugin and backend, and each kind of state: what `make test` tries. */
const representative = [
  'bridge, masquerade by iptables, both families',
  'bridge, vlan',
  'bridge, macspoofchk',
  'bridge, without addresses',
  'ptp, masquerade by nftables, both families',
  'macvlan, bridge',
  'host-local, two ranges in a set',
  'portmap, ports of both families, iptables',
  'portmap, ports of both families, nftables',
  'portmap, conditions, nftables',
  'firewall, same-bridge, iptables',
  'bandwidth, both ways',
  'tuning, mtu, txQLen',
  'tuning, sysctl',
  'sbr, tables of its own',
]

const titleOf = ({ plugin, option }: Row) => `${plugin}, ${option}`
const all: readonly Row[] = [...mains, ...leases, ...chained]
const unknown = representative.filter((title) => !all.some((row) => titleOf(row) === title))
if (unknown.length > 0) throw new Error(`no row of the take-over is called ${unknown.join('; ')}`)

/** A third of them, all with ALL=1 in the environment, as `make runtimes` has it. */
export const rows: readonly Row[] = process.env.ALL ? all : all.filter((row) => representative.includes(titleOf(row)))
