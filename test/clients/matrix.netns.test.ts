// Every plugin of a chain by ours or by the reference's, in every combination of makers: what ADD makes, CHECK finds and DEL leaves behind.

import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { callMember, type Maker, type Member } from '../harness/chained.ts'
import { type Host, kernelHasLink, type Pod, pluginPath, withHost } from '../harness/netns.ts'
import { describeClient, goPath, noGoReason } from './available.ts'
import { compareStates, observeState, type State } from './observed-state.ts'

const positions = ['main', 'ipam', 'tuning', 'bandwidth', 'firewall', 'portmap'] as const
type Position = (typeof positions)[number]
type Makers = Readonly<Record<Position, Maker>>

interface Turn {
  readonly datapath: 'bridge' | 'ptp'
  readonly ipam: 'host-local' | 'static'
  readonly backend: 'iptables' | 'nftables'
  readonly version: string
  readonly makers: Makers
}

/**
 * All 64 combinations of makers, once each. The other settings are parities of three or five of the six makers' bits, so that (an orthogonal
 * array of strength 3) every three binary columns, and every version with any other one, meet in all their values equally often.
 */
const turns: readonly Turn[] = Array.from({ length: 64 }, (_, bits) => {
  const parity = (mask: number) => (bits & mask).toString(2).replaceAll('0', '').length % 2
  const makers = makersBy((position) => ((bits >> positions.indexOf(position)) % 2 ? 'go' : 'ours'))
  const version = ['0.3.1', '0.4.0', '1.0.0', '1.1.0'][2 * parity(0b111110) + parity(0b110100)] ?? ''
  return {
    datapath: parity(0b1011) ? 'ptp' : 'bridge',
    ipam: parity(0b110010) ? 'static' : 'host-local',
    backend: parity(0b101001) ? 'nftables' : 'iptables',
    // The reference's firewall knows no older one.
    version: makers.firewall === 'go' && version === '0.3.1' ? '0.4.0' : version,
    makers,
  }
})

/** One host each, since what remains of a chain on purpose (a bridge, shared chains) is the same for all of them. */
const hosts = (['bridge', 'ptp'] as const).flatMap((datapath) =>
  (['iptables', 'nftables'] as const).map((backend) => ({ datapath, backend })),
)

function chainOf({ datapath, ipam, backend, makers }: Turn): Member[] {
  // Ours has these two built in, and starts another program only under another name.
  const addresses = { type: makers.main === 'ours' && makers.ipam === 'go' ? `go-${ipam}` : ipam, ...ipams[ipam] }
  const gateway = datapath === 'bridge' ? { bridge: 'cni9', isGateway: true, hairpinMode: true } : {}
  const portMappings = [
    { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    { hostPort: 8053, containerPort: 53, protocol: 'udp' },
  ]
  return [
    { type: datapath, ...gateway, ipMasq: true, ipMasqBackend: backend, ipam: addresses, maker: makers.main },
    { type: 'tuning', mtu: 1400, promisc: true, sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': '2' }, maker: makers.tuning },
    { type: 'bandwidth', ingressRate: 2e7, ingressBurst: 2e6, egressRate: 1e7, egressBurst: 1e6, maker: makers.bandwidth },
    // The reference has no nftables here.
    { type: 'firewall', backend: makers.firewall === 'ours' ? backend : 'iptables', maker: makers.firewall },
    { type: 'portmap', backend, runtimeConfig: { portMappings }, maker: makers.portmap },
  ]
}

const routes = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }]
const ipams = {
  'host-local': { ranges: [[{ subnet: '10.9.0.0/24' }], [{ subnet: 'fd09::/64' }]], routes },
  static: {
    addresses: [
      { address: '10.9.0.7/24', gateway: '10.9.0.1' },
      { address: 'fd09::7/64', gateway: 'fd09::1' },
    ],
    routes,
  },
}

const titleOf = ({ ipam, version, makers }: Turn) =>
  `${version} ${ipam} ${positions.map((position) => `${position} of ${makers[position]}`).join(', ')}`
const other = (makers: Makers) => makersBy((position) => (makers[position] === 'go' ? 'ours' : 'go'))

function makersBy(choose: (position: Position) => Maker): Makers {
  return {
    main: choose('main'),
    ipam: choose('ipam'),
    tuning: choose('tuning'),
    bandwidth: choose('bandwidth'),
    firewall: choose('firewall'),
    portmap: choose('portmap'),
  }
}

describeClient(
  'the matrix of chains',
  noGoReason('bridge', 'ptp', 'host-local', 'static', 'tuning', 'bandwidth', 'firewall', 'portmap'),
  () => {
    if (!kernelHasLink('ifb')) return void it.skip('needs a kernel with ifb')

    it('has every combination of makers, and every version with every other setting', () => {
      expect(new Set(turns.map(({ makers }) => JSON.stringify(makers))).size).toBe(64)
      for (const version of ['0.4.0', '1.0.0', '1.1.0', '0.3.1']) {
        const of = turns.filter((turn) => turn.version === version)
        for (const key of ['datapath', 'ipam', 'backend'] as const) expect(new Set(of.map((turn) => turn[key])).size).toBe(2)
        for (const position of positions) {
          const makers = version === '0.3.1' && position === 'firewall' ? ['ours'] : ['go', 'ours']
          expect([...new Set(of.map((turn) => turn.makers[position]))].sort(), `${version} ${position}`).toEqual(makers)
        }
      }
    })

    // At once, since much of a DEL is waiting for the kernel.
    it.concurrent.each(hosts)('leaves what was there before: $datapath, $backend', { timeout: 240_000 }, async ({ datapath, backend }) => {
      const here = turns.filter((turn) => turn.datapath === datapath && turn.backend === backend)
      expect(here).toHaveLength(16)
      await withHost(async (host) => {
        // What is made for all and stays is made by both.
        for (const maker of ['go', 'ours'] as const) {
          const makers = makersBy(() => maker)
          await attachAndRemove(host, { datapath, ipam: 'host-local', backend, version: '1.0.0', makers }, `first, of ${maker}`)
        }
        const pod = await host.pod()
        const settled = await observe(host, pod)
        for (const turn of here) await attachAndRemove(host, turn, titleOf(turn), settled)
        expect(compareStates(settled, await observe(host, pod))).toEqual({})
      })
    })
  },
)

/** `settled` is what is on a host without pods, once there have been some. */
async function attachAndRemove(host: Host, turn: Turn, title: string, settled?: State): Promise<void> {
  const pod = await host.pod()
  const calls = async (verb: string, makers: Makers, prevResult?: unknown) => {
    const options = { path: `${folderOf(host, makers)}:${pluginPath}` }
    const chain = chainOf({ ...turn, makers })
    let answer = prevResult
    for (const { maker: _, ...member } of verb === 'DEL' ? chain.toReversed() : chain) {
      const outcome = await callMember(host, verb, member, pod, answer, { cniVersion: turn.version }, options)
      const said = outcome.status === 0 ? '' : outcome.stdout + outcome.stderr
      expect({ status: outcome.status, said }, `${title}: ${verb} of ${member.type}`).toEqual({ status: 0, said: '' })
      if (verb === 'ADD') answer = outcome.json
    }
    return answer
  }

  const result = await calls('ADD', turn.makers)
  expect(result, title).toMatchObject(expectedResult(turn, pod))
  if (turn.version !== '0.3.1') await calls('CHECK', turn.makers, result)
  if (settled) expect(kindsOf(compareStates(settled, await observe(host, pod))), title).toEqual(kinds)
  await calls('DEL', turn.makers, result)
  if (settled) expect(compareStates(settled, await observe(host, pod)), title).toEqual({})
  // Once more, by the other maker.
  await calls('DEL', { ...other(turn.makers), ...(turn.version === '0.3.1' && { firewall: 'ours' }) }, result)
  await host.run('ip', 'netns', 'del', pod.name)
}

/** A plugin folder in which each position's program is its maker's. */
function folderOf(host: Host, makers: Makers): string {
  const folder = join(host.dir, positions.map((position) => makers[position]).join('-'))
  const from = { ours: pluginPath, go: goPath }
  try {
    mkdirSync(folder)
  } catch {
    return folder
  }
  const link = (name: string, maker: Maker, plugin = name) => symlinkSync(join(from[maker], plugin), join(folder, name))
  for (const name of ['bridge', 'ptp']) link(name, makers.main)
  for (const name of ['tuning', 'bandwidth', 'firewall', 'portmap'] as const) link(name, makers[name])
  for (const name of ['host-local', 'static']) {
    link(name, makers.ipam)
    link(`go-${name}`, 'go', name)
  }
  return folder
}

function expectedResult({ datapath, version, ipam }: Turn, pod: Pod) {
  const eth0 = datapath === 'bridge' ? 2 : 1
  const ips = ['10.9.0.', 'fd09::'].map((start) => ({
    address: expect.stringMatching(ipam === 'static' ? `^${start}7/` : `^${start}`),
    gateway: `${start}1`,
    interface: eth0,
  }))
  const ports = datapath === 'bridge' ? [{ name: 'cni9' }, {}] : [{}]
  return { cniVersion: version, interfaces: [...ports, { name: 'eth0', sandbox: pod.netns }, { name: expect.stringMatching(/^bwp/) }], ips }
}

/** What every member has to have made, of either maker. */
const made: Readonly<Record<string, RegExp>> = {
  'the pair': /^host link vethX\.ifname/,
  'the interface': /^pod link eth0\.ifname/,
  'its address': /^pod link eth0\.addr_info\[10\.9\.0\.\d+\]\.local/,
  'the default route': /^pod route\s+default dev eth0/,
  masquerading: /masquerade|-j MASQUERADE/,
  'a limit of what comes': /tc: qdisc tbf .* dev vethX /,
  'a limit of what goes': /tc: qdisc tbf .* dev bwpX /,
  'an accepted address': /ACCEPT|nft: elements = .*10\.9\.0\./,
  'a host port': /dport 8080|8080 .*dnat/,
}
const kinds = Object.keys(made)

function kindsOf(changes: ReturnType<typeof compareStates>): string[] {
  const paths = Object.keys(changes)
  return kinds.filter((kind) => paths.some((path) => made[kind]?.test(path)))
}

/** But for the address that host-local hands out next. */
async function observe(host: Host, pod: Pod): Promise<State> {
  const state = await observeState(host, pod, 'net')
  return Object.fromEntries(Object.entries(state).filter(([path]) => !path.startsWith('leases: last_reserved_ip')))
}
