// What is measured: each case has two sides that take turns; its rows compare them step by step. Ours is the first side.

import { type Host, pluginPath } from '../test/harness/throwaway-host.ts'
import { batchCase, stormCase } from './batches.ts'
import { addressIn, beside, type Case, lan, verbs } from './case.ts'
import { besideIpLinkDel, besideIptablesRestore } from './floors.ts'
import { bridge, type Chain, call, podwire, portMappings, ptp } from './plugins.ts'
import type { Side } from './task.ts'

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
    () => batchCase(host, '250th pod, first pod', 249, 0),
    () => batchCase(host, 'hostPort beside 5,000, beside none', 10, 500),
    () => stormCase(host, go),
  ]
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
