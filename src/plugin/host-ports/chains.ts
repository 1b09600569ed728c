// Where host ports are in the node's packet filter: the maps, and the fixed rules that look them up. No rule is about one port or one pod.

import { TABLE } from '../../contract/marks.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { addChain, type BaseChain, findChains } from '../../kernel/nftables/chain.ts'
import { NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC, NF_IP_PRI_RAW } from '../../kernel/nftables/constants.ts'
import { type Expression, verdict } from '../../kernel/nftables/expression.ts'
import { daddr, dport, iifname, l4proto, oifname, saddr } from '../../kernel/nftables/field.ts'
import { ctStatus, fibDaddrType, iifnameNot, inSet, ipDaddr, ipSaddr, nfprotoIs, oifnameNot } from '../../kernel/nftables/match.ts'
import type { Request } from '../../kernel/nftables/request.ts'
import { addRule, expressionsOf, flushChain, type KernelRule, listRules, ruleConsistsOf } from '../../kernel/nftables/rule.ts'
import { addSet, type SetSpec } from '../../kernel/nftables/set.ts'
import { dnatByMap, masquerade } from '../../kernel/nftables/statement.ts'
import { addTable } from '../../kernel/nftables/table.ts'
import { parseAddress } from '../../net/address.ts'
import { parseCidr } from '../../net/cidr.ts'

/** Ports on every address of the node, by family. */
export const ANY_MAP = { 4: 'hostports4', 6: 'hostports6' } as const
/** Ports on one address of the node. */
export const ADDRESS_MAP = { 4: 'hostports4_address', 6: 'hostports6_address' } as const
/** A pod with host ports: its device on the node, and its address. */
export const LINK_SET = { 4: 'hostports4_links', 6: 'hostports6_links' } as const
/** An attachment's elements in the others: from its hash and a running number to the key there, so that DEL need not read all of them. */
export const OWNER_MAP = 'hostports_owners'

export const SETS: readonly SetSpec[] = [
  { name: ANY_MAP[4], key: ['inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] },
  { name: ANY_MAP[6], key: ['inet_proto', 'inet_service'], data: ['ipv6_addr', 'inet_service'] },
  { name: ADDRESS_MAP[4], key: ['ipv4_addr', 'inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] },
  { name: ADDRESS_MAP[6], key: ['ipv6_addr', 'inet_proto', 'inet_service'], data: ['ipv6_addr', 'inet_service'] },
  { name: LINK_SET[4], key: ['ifname', 'ipv4_addr'] },
  { name: LINK_SET[6], key: ['ifname', 'ipv6_addr'] },
  {
    name: OWNER_MAP,
    key: ['mark', 'mark', 'mark', 'mark', 'inet_service'],
    data: ['ifname', 'ipv6_addr', 'inet_proto', 'inet_service'],
  },
]

interface Chain {
  readonly name: string
  readonly base?: BaseChain
  readonly rules: () => Expression[][]
  /** How many rules jump to it. */
  readonly jumps?: number
}

const MAPS = 'hostports'

const LOOPBACK6 = parseAddress('::1')

const NLA_HDRLEN = 4

const CHAINS: readonly Chain[] = [
  {
    // Before conntrack: answers to 127.0.0.1 get that destination only behind it. So route_localnet opens nothing to the network.
    name: 'hostports_martians',
    base: { type: 'filter', hook: 'prerouting', priority: NF_IP_PRI_RAW },
    rules: () => [
      // iifname != "lo" ip saddr 127.0.0.0/8 drop
      [...iifnameNot('lo'), ...nfprotoIs(4), ...ipSaddr(parseCidr('127.0.0.0/8')), verdict('drop')],
      // iifname != "lo" ip daddr 127.0.0.0/8 drop
      [...iifnameNot('lo'), ...nfprotoIs(4), ...ipDaddr(parseCidr('127.0.0.0/8')), verdict('drop')],
    ],
  },
  {
    name: MAPS,
    jumps: 2,
    rules: () => [
      // dnat ip to ip daddr . meta l4proto . th dport map @hostports4_address; a port of one address goes before the same port of all
      [...nfprotoIs(4), ...dnatByMap(4, [daddr(4), l4proto, dport], ADDRESS_MAP[4])],
      // dnat ip to meta l4proto . th dport map @hostports4
      [...nfprotoIs(4), ...dnatByMap(4, [l4proto, dport], ANY_MAP[4])],
      [...nfprotoIs(6), ...dnatByMap(6, [daddr(6), l4proto, dport], ADDRESS_MAP[6])],
      [...nfprotoIs(6), ...dnatByMap(6, [l4proto, dport], ANY_MAP[6])],
    ],
  },
  {
    name: 'hostports_prerouting',
    base: { type: 'nat', hook: 'prerouting', priority: NF_IP_PRI_NAT_DST },
    rules: () => [toMaps()],
  },
  {
    name: 'hostports_output',
    base: { type: 'nat', hook: 'output', priority: NF_IP_PRI_NAT_DST },
    rules: () => [
      // ip6 saddr ::1 ip6 daddr ::1 return: the kernel looks up the route back to ::1 on the device that the answer came in by, and finds none
      // (net/ipv6/route.c, rt6_need_strict), so this would be lost instead of refused. From another address of the node, ::1 reaches the pod.
      [...nfprotoIs(6), ...ipSaddr(LOOPBACK6), ...ipDaddr(LOOPBACK6), verdict('return')],
      toMaps(),
    ],
  },
  {
    // Where the pod could not answer to the source, or its answer would not pass the node.
    name: 'hostports_postrouting',
    base: { type: 'nat', hook: 'postrouting', priority: NF_IP_PRI_NAT_SRC },
    rules: () => [
      // ct status dnat iifname . ip daddr @hostports4_links masquerade: back to where it came from, the pod itself or another on its bridge
      [...ctStatus('dnat'), ...nfprotoIs(4), ...inSet([iifname, daddr(4)], LINK_SET[4]), masquerade()],
      [...ctStatus('dnat'), ...nfprotoIs(6), ...inSet([iifname, daddr(6)], LINK_SET[6]), masquerade()],
      // ct status dnat oifname . ip saddr @hostports4_links oifname . ip daddr @hostports4_links masquerade: the same where the bridge filter
      // (br_netfilter) leaves the packet on the bridge; it then has no input device, and a pod drops what has its own source
      ...([4, 6] as const).map((version) => [
        ...ctStatus('dnat'),
        ...nfprotoIs(version),
        ...inSet([oifname, saddr(version)], LINK_SET[version]),
        ...inSet([oifname, daddr(version)], LINK_SET[version]),
        masquerade(),
      ]),
      // ct status dnat oifname != "lo" ip saddr 127.0.0.0/8 masquerade
      [...ctStatus('dnat'), ...oifnameNot('lo'), ...nfprotoIs(4), ...ipSaddr(parseCidr('127.0.0.0/8')), masquerade()],
    ],
  },
]

/** Requests for the table's sets and chains, in front of the elements of the same transaction; none where these are there already. */
export function layTable(socket: NetlinkSocket): Request[] {
  return isLaid(socket) ? [] : tableRequests()
}

/** The first chain that lacks one of its rules or has others; undefined where none does. */
export function findBrokenChain(socket: NetlinkSocket): string | undefined {
  const found = listRules(socket, TABLE)
  return CHAINS.find(({ name, rules }) => {
    const own = found.filter(({ chain }) => chain === name)
    const wanted = rules()
    return own.length !== wanted.length || !own.every((rule, i) => isRule(rule, wanted[i] ?? []))
  })?.name
}

/** The kernel adds attributes to a translation: of that only its position is compared. */
function isRule(rule: KernelRule, expressions: readonly Expression[]): boolean {
  const { list } = rule
  const last = list?.list().at(-1)?.[1]
  if (!list || !last || expressionsOf(rule).at(-1)?.name !== 'nat') return ruleConsistsOf(rule, expressions)
  return ruleConsistsOf({ ...rule, list: list.sub(0, last.start - NLA_HDRLEN - list.start) }, expressions.slice(0, -1))
}

/**
 * Every chain exists with as many rules as it should have: one exchange, whatever the size of the maps. The rules themselves are compared by CHECK.
 */
function isLaid(socket: NetlinkSocket): boolean {
  const found = findChains(
    socket,
    TABLE,
    CHAINS.map(({ name }) => name),
  )
  return CHAINS.every(({ name, rules, jumps = 0 }) => found.some((chain) => chain.name === name && chain.use === rules().length + jumps))
}

function tableRequests(): Request[] {
  return [
    addTable(TABLE),
    ...SETS.map((spec) => addSet(TABLE, spec)),
    ...CHAINS.map(({ name, base }) => addChain(TABLE, name, base && { base })),
    ...CHAINS.map(({ name }) => flushChain(TABLE, name)),
    ...CHAINS.flatMap(({ name, rules }) => rules().map((expressions) => addRule(TABLE, name, expressions))),
  ]
}

/** `fib daddr type local jump hostports`: the node's own addresses and no others, or what only passes through would be taken (CVE-2025-67499). */
function toMaps(): Expression[] {
  return [...fibDaddrType('local'), verdict({ jump: MAPS })]
}
