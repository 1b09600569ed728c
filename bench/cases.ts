// What is measured: each case has two sides that take turns; its rows compare them step by step. Ours is the first side.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Host, pluginPath } from '../test/harness/throwaway-host.ts'
import { type Attachment, atOnce, bridge, type Chain, call, hostLocal, podwire, portMappings, ptp } from './plugins.ts'
import type { Program, Side, Step } from './task.ts'

export interface Case {
  readonly title: string
  /** Names of the steps that make rows; both sides have them. */
  readonly rows: readonly string[]
  /** Less than all others have, where one round is a long one. */
  readonly rounds?: number
  /** Run once before the rounds, not timed. */
  readonly before?: readonly Side[]
  readonly sides: readonly [Side, Side]
}

type Backend = 'iptables' | 'nftables'

/** The cases, made when their turn comes; `go` is the folder of the reference plugins. */
export function cases(host: Host, go: string): readonly (() => Promise<Case>)[] {
  return [
    async () => beside(host, go, 'VERSION', [bridge('br0', {})], [bridge('br0', {})], ['VERSION']),
    () => bridges(host, go, 'bridge + host-local', 30),
    () => bridges(host, go, 'bridge + host-local, ipMasq (iptables)', 32, 'iptables'),
    () => bridges(host, go, 'bridge + host-local, ipMasq (nftables)', 34, 'nftables'),
    () => besideIpLinkDel(host),
    () => besideIptablesRestore(host),
    () => beside(host, go, 'podwire (ptp), Go bridge', [podwire('ptp', '', lan(host, 1))], [bridge('g1', lan(host, 2))]),
    () => beside(host, go, 'podwire (bridge), Go bridge', [podwire('bridge', 'p1', lan(host, 3))], [bridge('g2', lan(host, 4))]),
    () => hostPortCase(host, go, 'podwire + hostPort, Go bridge+portmap', 5, false),
    () => hostPortCase(host, go, 'podwire + hostPort, Go bridge+ipMasq+portmap', 7, true),
    () => bandwidthCase(host, go),
    () => aloneCase(host, go, { type: 'bandwidth', ingressRate: 1e7, ingressBurst: 1e6, egressRate: 1e7, egressBurst: 1e6 }, 81),
    () => aloneCase(host, go, { type: 'firewall', backend: 'iptables' }, 83),
    () => aloneCase(host, go, { type: 'tuning', mtu: 1400, sysctl: { 'net.core.somaxconn': '512' } }, 85),
    () => aloneCase(host, go, { type: 'sbr' }, 87),
    () => besideGo(host, go, 'ptp + host-local', (net) => [ptp(lan(host, net))], 40),
    () => besideGo(host, go, 'portmap (iptables), alone', (net) => [portmapAlone('iptables', net)], 42),
    () => besideGo(host, go, 'portmap (nftables), alone', (net) => [portmapAlone('nftables', net)], 44),
    () => besideGo(host, go, 'ptp + portmap, ipMasq (iptables)', (net) => ptpPortmap(host, 'iptables', net), 46),
    () => besideGo(host, go, 'ptp + portmap, ipMasq (nftables)', (net) => ptpPortmap(host, 'nftables', net), 48),
    () => besideGo(host, go, 'bridge + portmap + bandwidth + firewall, ipMasq (iptables)', (net) => whole(host, 'iptables', net), 50),
    // The reference's firewall has iptables alone.
    async () =>
      beside(host, go, 'bridge + portmap + bandwidth + firewall, ipMasq (nftables)', whole(host, 'nftables', 52), [
        ...whole(host, 'nftables', 53).slice(0, -1),
        { type: 'firewall', backend: 'iptables' },
      ]),
    () => besideGo(host, go, 'host-local, alone', (net) => [{ type: 'host-local', ipam: lan(host, net) }], 54),
    () =>
      besideGo(
        host,
        go,
        'static, alone',
        () => [{ type: 'static', ipam: { type: 'static', addresses: [{ address: '10.2.56.2/24' }] } }],
        56,
      ),
    () => besideGo(host, go, 'loopback, alone', () => [{ type: 'loopback' }], 58),
    () => crowdCase(host, '250th pod, first pod', 249, 0),
    () => crowdCase(host, 'hostPort beside 5,000, beside none', 10, 500),
    () => stormCase(host, go),
  ]
}

const verbs = ['ADD', 'DEL'] as const
const lan = (host: Host, third: number) => hostLocal(host.dir, `10.2.${third}.0/24`)

function steps(path: string, chain: Chain, pod: Attachment, names: readonly string[] = verbs): Step[] {
  return names.map((name) => ({ name, programs: call(path, name, chain, pod) }))
}

async function beside(host: Host, go: string, title: string, ours: Chain, theirs: Chain, rows: readonly string[] = verbs): Promise<Case> {
  const attachment = async (network: string): Promise<Attachment> => {
    const { name, netns } = await host.pod()
    return { network: `${network}-${name}`, id: 'bench', netns }
  }
  const [own, other] = [await attachment('podwire'), await attachment('go')]
  return {
    title,
    rows,
    sides: [
      { name: 'podwire', steps: steps(pluginPath, ours, own, rows) },
      { name: 'go', steps: steps(go, theirs, other, rows) },
    ],
  }
}

/** Our `bridge` beside the reference's, each with a bridge and a network of its own. */
function bridges(host: Host, go: string, title: string, third: number, ipMasqBackend?: Backend): Promise<Case> {
  const masquerade = ipMasqBackend && { ipMasq: true, ipMasqBackend }
  const plugin = (net: number) => bridge(`b${net}`, lan(host, net), masquerade)
  return beside(host, go, title, [plugin(third)], [plugin(third + 1)])
}

/** One chain, ours and the reference's, each in a network of its own. */
function besideGo(host: Host, go: string, title: string, chain: (net: number) => Chain, third: number): Promise<Case> {
  return beside(host, go, title, chain(third), chain(third + 1))
}

function ptpPortmap(host: Host, backend: Backend, net: number): Chain {
  const masquerade = { ipMasq: true, ipMasqBackend: backend }
  return [ptp(lan(host, net), masquerade), { type: 'portmap', backend, runtimeConfig: portMappings(8000 + net) }]
}

/** The list that most nodes have. */
function whole(host: Host, backend: Backend, net: number): Chain {
  return [
    bridge(`b${net}`, lan(host, net), { ipMasq: true, ipMasqBackend: backend }),
    { type: 'portmap', backend, runtimeConfig: portMappings(8000 + net) },
    { type: 'bandwidth', ingressRate: 1e7, ingressBurst: 1e6, egressRate: 1e7, egressBurst: 1e6 },
    { type: 'firewall', backend },
  ]
}

/** With what another plugin would have said before it. */
function portmapAlone(backend: Backend, net: number): Chain[number] {
  const prevResult = { cniVersion: '1.0.0', ips: [{ address: addressIn(net, 0).concat('/24') }] }
  return { type: 'portmap', backend, prevResult, runtimeConfig: portMappings(8000 + net) }
}

async function besideIpLinkDel(host: Host): Promise<Case> {
  const pod = await host.pod()
  const ip = (name: string, ...args: string[]): Step => ({ name, programs: [{ file: '/usr/sbin/ip', args, env: [], stdin: '' }] })
  return {
    title: 'one pair: podwire (ptp), `ip link del`',
    rows: ['DEL'],
    sides: [
      {
        name: 'podwire',
        steps: steps(pluginPath, [podwire('ptp', '', lan(host, 9))], { network: 'del', id: 'bench', netns: pod.netns }),
      },
      {
        name: 'ip',
        steps: [
          ip('add', 'link', 'add', 'vethbench', 'up', 'type', 'veth', 'peer', 'name', 'bench0', 'netns', pod.name),
          ip('up', '-n', pod.name, 'link', 'set', 'bench0', 'up'),
          ip('address', '-n', pod.name, 'address', 'add', '10.99.0.2/24', 'dev', 'bench0'),
          ip('DEL', '-n', pod.name, 'link', 'del', 'bench0'),
        ],
      },
    ],
  }
}

/** What every use of the iptables backend costs at least. */
async function besideIptablesRestore(host: Host): Promise<Case> {
  const { netns } = await host.pod()
  const plugin = bridge('br-floor', hostLocal(host.dir, '10.60.0.0/24'), { ipMasq: true, ipMasqBackend: 'iptables' })
  const idle: Program = { file: '/usr/sbin/iptables-restore', args: ['--noflush'], env: [], stdin: '*nat\nCOMMIT\n' }
  return {
    title: 'bridge + ipMasq (iptables), an idle `iptables-restore`',
    rows: ['ADD'],
    sides: [
      { name: 'podwire', steps: steps(pluginPath, [plugin], { network: 'floor', id: 'bench', netns }) },
      { name: 'restore', steps: [{ name: 'ADD', programs: [idle] }] },
    ],
  }
}

/** One process beside a chain of two. */
function hostPortCase(host: Host, go: string, title: string, third: number, ipMasq: boolean): Promise<Case> {
  const theirs = [bridge(`g${third}`, lan(host, third), { ipMasq }), { type: 'portmap', runtimeConfig: portMappings(9000 + third) }]
  return beside(host, go, title, [podwire('ptp', '', lan(host, third + 1), portMappings(8000 + third))], theirs)
}

function bandwidthCase(host: Host, go: string): Promise<Case> {
  const runtimeConfig = { bandwidth: { ingressRate: 1e7, ingressBurst: 1e6, egressRate: 1e7, egressBurst: 1e6 } }
  const theirs = [bridge('g10', lan(host, 10)), { type: 'bandwidth', runtimeConfig }]
  return beside(host, go, 'podwire + bandwidth, Go bridge+bandwidth', [podwire('ptp', '', lan(host, 11), runtimeConfig)], theirs)
}

/** One plugin behind our `bridge`, ours or the reference's; what comes before and after it is not counted. */
async function aloneCase(host: Host, go: string, plugin: Chain[number], third: number): Promise<Case> {
  const side = async (name: string, path: string, net: number): Promise<Side> => {
    const { netns } = await host.pod()
    const pod = { network: `alone${net}`, id: 'bench', netns }
    const before = bridge(`b${net}`, lan(host, net))
    const programs = (folder: string, verb: string, chain: Chain) => call(folder, verb, chain, pod)
    const last = (verb: string) => programs(path, verb, [before, plugin]).slice(verb === 'DEL' ? 0 : 1, verb === 'DEL' ? 1 : 2)
    return {
      name,
      steps: [
        { name: 'attach', programs: programs(pluginPath, 'ADD', [before]) },
        { name: 'ADD', programs: last('ADD') },
        { name: 'DEL', programs: last('DEL') },
        { name: 'detach', programs: programs(pluginPath, 'DEL', [before]) },
      ],
    }
  }
  return { title: `${plugin.type} alone`, rows: verbs, sides: [await side('podwire', pluginPath, third), await side('go', go, third + 1)] }
}

/** A node with `pods` pods that have `ports` host ports each, beside an empty one; one more pod comes and goes on both. */
async function crowdCase(host: Host, title: string, pods: number, ports: number): Promise<Case> {
  const node = async (name: string) => `/var/run/netns/${(await host.pod(`${name}-${pods}`)).name}`
  const [full, empty] = [await node('full'), await node('empty')]
  const names = Array.from({ length: pods }, (_, i) => `crowd${pods}-${i}`)
  await host.run('sh', '-ec', 'for name; do ip netns add "$name"; done', 'sh', ...names)
  const netnsOf = (name: string) => `/var/run/netns/${name}`
  const config = (network: string, runtimeConfig: object) => [
    podwire('ptp', '', hostLocal(host.dir, network === 'full' ? '10.70.0.0/22' : '10.74.0.0/22'), runtimeConfig),
  ]
  const network = (name: string) => `${name}-${pods}`
  const crowd = names.flatMap((name, i) =>
    call(pluginPath, 'ADD', config('full', portMappings(10_000 + i * ports, ports)), {
      network: network('full'),
      id: name,
      netns: netnsOf(name),
    }),
  )
  const side = async (name: string, where: string): Promise<Side> => {
    const { netns } = await host.pod()
    const chain = config(name, ports > 0 ? portMappings(8080) : {})
    return { name, node: where, steps: steps(pluginPath, chain, { network: network(name), id: 'bench', netns }) }
  }
  return {
    title,
    rows: verbs,
    before: [{ name: 'crowd', node: full, steps: [{ name: 'ADD', programs: crowd }] }],
    sides: [await side('full', full), await side('empty', empty)],
  }
}

/** 60 pods, 10 at a time, each with one host port. */
async function stormCase(host: Host, go: string): Promise<Case> {
  const folder = join(host.dir, 'storm')
  mkdirSync(folder)
  let files = 0
  const writeFile = (text: string) => {
    const file = join(folder, `${files++}.json`)
    writeFileSync(file, text)
    return file
  }
  const side = async (name: string, path: string, third: number, chain: (i: number) => Chain): Promise<Side> => {
    const pods = await Promise.all(Array.from({ length: 60 }, (_, i) => host.pod(`${name}-${i}`)))
    const programs = (verb: string) =>
      pods.map(({ netns }, i) => {
        const pod = { network: `storm-${name}`, id: `bench${i}`, netns, address: addressIn(third, i) }
        return call(path, verb, chain(i), pod)
      })
    return { name, steps: verbs.map((verb) => ({ name: verb, programs: [atOnce(10, programs(verb), writeFile)] })) }
  }
  return {
    title: '60 pods with a hostPort, 10 at a time',
    rows: verbs,
    rounds: 3,
    sides: [
      await side('podwire', pluginPath, 20, (i) => [
        podwire('ptp', '', lan(host, 20), { ips: [addressIn(20, i)], ...portMappings(20_000 + i) }),
      ]),
      await side('go', go, 21, (i) => [
        bridge('g21', lan(host, 21), { ipMasq: true, runtimeConfig: { ips: [addressIn(21, i)] } }),
        { type: 'portmap', runtimeConfig: portMappings(21_000 + i) },
      ]),
    ],
  }
}

function addressIn(third: number, i: number): string {
  return `10.2.${third}.${i + 2}`
}
