// The backends of the plugin `firewall`, and what each has made on a host: for suites over all of them.

import type { Member } from './chained.ts'
import { hasIptables, type IptablesVariant, pathWith, variants } from './masquerade.ts'
import type { Host, Pod } from './netns.ts'

export const firewall = (more: object = {}): Member => ({ type: 'firewall', ...more })

/** A backend on this machine. */
export interface FirewallKind {
  readonly name: string
  readonly member: Member
  readonly path: (host: Host) => string
  /** Makes the node drop what it forwards; returns the configuration that accepts in spite of it. */
  readonly dropForward: (host: Host) => Promise<Member>
  /** The addresses that are accepted, each as often as it is, in the order of their text. */
  readonly accepted: (host: Host) => Promise<string[]>
  readonly damages: readonly { readonly what: string; readonly command: readonly [string, ...string[]]; readonly message: string }[]
}

/** The chains and rules of table filter that iptables-save prints. */
export async function filter(host: Host, variant: IptablesVariant, version: 4 | 6 = 4): Promise<string[]> {
  const text = await host.run(`/usr/sbin/${version === 4 ? 'iptables' : 'ip6tables'}-${variant}-save`, '-t', 'filter')
  return text.split('\n').filter((line) => line.startsWith('-A') || line.startsWith(':CNI'))
}

/** The addresses that the plugin has recorded. */
export async function records(host: Host): Promise<string[]> {
  return (await host.run('sh', '-c', 'ls /run/cni/firewall 2>/dev/null || true')).split('\n').filter(Boolean)
}

/** A machine behind the node: the pod gets there by the node's FORWARD only. */
export async function outside(host: Host): Promise<Pod> {
  const far = await host.pod('far')
  await host.run('ip', 'link', 'add', 'wan', 'up', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'far')
  await host.run('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'wan')
  await far.exec('sh', ['-ec', 'ip addr add 192.0.2.9/24 dev eth0; ip link set eth0 up; ip route add default via 192.0.2.1'])
  return far
}

export const reaches = async (from: Pod, address: string) => (await from.exec('ping', ['-c', '1', '-W', '1', address])).status === 0

const iptablesKind = (variant: IptablesVariant): FirewallKind => {
  const member = firewall({ backend: 'iptables' })
  const iptables = `/usr/sbin/iptables-${variant}`
  return {
    name: `iptables-${variant}`,
    member,
    path: (host) => pathWith(host, variant),
    dropForward: async (host) => {
      await host.run(iptables, '-P', 'FORWARD', 'DROP')
      return member
    },
    accepted: async (host) => {
      const lines = [...(await filter(host, variant)), ...(await filter(host, variant, 6))]
      return lines.flatMap((line) => /^-A CNI-FORWARD -s (.*)\/\d+ -j ACCEPT$/.exec(line)?.[1] ?? []).sort()
    },
    damages: [
      {
        what: 'a rule of the address',
        command: [iptables, ...'-D CNI-FORWARD -s 10.1.0.2/32 -j ACCEPT'.split(' ')],
        message: '[-s 10.1.0.2/32 -j ACCEPT]',
      },
      { what: 'the jump', command: [iptables, '-F', 'FORWARD'], message: 'expected FORWARD rule' },
    ],
  }
}

const TABLE = ['inet', 'cni_firewall'] as const

const nftablesKind: FirewallKind = {
  name: 'nftables',
  member: firewall({ backend: 'nftables' }),
  path: () => '/usr/sbin:/usr/bin:/sbin:/bin',
  dropForward: async (host) => {
    await host.run('nft', 'add table inet filter; add chain inet filter forward { type filter hook forward priority 0; policy drop; }')
    return firewall({ backend: 'nftables', nftables: { table: 'filter', chain: 'forward' } })
  },
  accepted: async (host) => {
    const text = await host.run('nft', '-j', 'list', 'ruleset')
    // What nft prints: `elem` of a set with comments is a list of {elem: {val, comment}}.
    const { nftables } = JSON.parse(text) as { nftables: { set?: { name: string; elem?: (string | { elem: { val: string } })[] } }[] }
    const elements = nftables.flatMap(({ set }) => (set?.name.startsWith('cni_firewall_pods') ? (set.elem ?? []) : []))
    return elements.map((element) => (typeof element === 'string' ? element : element.elem.val)).sort()
  },
  damages: [
    {
      what: 'an address',
      command: ['nft', 'flush', 'set', ...TABLE, 'cni_firewall_pods4'],
      message: 'does not accept 10.1.0.2',
    },
    { what: 'the jump', command: ['nft', 'flush', 'chain', ...TABLE, 'forward'], message: 'has no rule in chain forward' },
    { what: 'the chain’s rules', command: ['nft', 'flush', 'chain', ...TABLE, 'cni_firewall'], message: 'lacks a rule' },
  ],
}

export const kindsHere: readonly FirewallKind[] = [nftablesKind, ...variants.filter(hasIptables).map(iptablesKind)]
