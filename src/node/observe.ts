// All that a pass reads, as one fingerprint: while it is the one of a converged pass, there is nothing to do.

import { ROUTE_PROTOCOL, TABLE } from '../contract/marks.ts'
import { sys } from '../host/sys.ts'
import { readWhole } from '../host/whole-file.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import { findChains } from '../kernel/nftables/chain.ts'
import { dumpElementBodies } from '../kernel/nftables/interval.ts'
import { type KernelRule, listRules } from '../kernel/nftables/rule.ts'
import type { Link } from '../kernel/route/link.ts'
import { dumpForwarding, dumpNeighbours } from '../kernel/route/neighbour-body.ts'
import { dumpRoutes } from '../kernel/route/route-body.ts'
import { readVxlan } from '../kernel/route/vxlan.ts'
import { readSysctl } from '../kernel/sysctl.ts'
import { packBytes, packedFamily } from '../net/packed.ts'
import { type Facts, type Place, readFacts, type Uplink } from './facts.ts'
import { FILTER_TABLES, FORWARD_CHAIN, LEGACY_TABLES, ownForwardRules } from './forward.ts'
import { EXEMPT_SET, MASQUERADE_CHAIN, POD_SET } from './names.ts'
import { watchedSysctls } from './sysctls.ts'

const FAMILIES = [4, 6] as const

/** The fingerprint of everything that a pass for a node in this `place` reads. */
export function observeKernel(route: NetlinkSocket, nft: NetlinkSocket, place: Place): string {
  const facts = readFacts(route, place)
  return sys.fingerprint([describeFacts(facts), ...peerBodies(route, facts), ...filterTexts(nft), ...settings(facts)].join('\n'))
}

function describeFacts({ uplinks, vxlan, vxlanAddresses, hostSubnets }: Facts): string {
  const uplink = (found: Uplink | undefined) => found && { ...found, link: describeLink(found.link) }
  const described = [uplink(uplinks[4]), uplink(uplinks[6]), vxlan && describeLink(vxlan), vxlanAddresses, hostSubnets]
  return JSON.stringify(described)
}

function describeLink(link: Link): unknown {
  const { index, name, mtu, alias, kind, flags } = link
  const vxlan = readVxlan(link)
  return [index, name, mtu, alias, kind, flags, packBytes(link.mac), vxlan && { ...vxlan, local: packBytes(vxlan.local) }]
}

function peerBodies(route: NetlinkSocket, { vxlan }: Facts): string[] {
  const parts = FAMILIES.flatMap((family) => dumpRoutes(route, family, ROUTE_PROTOCOL))
  const local = vxlan && readVxlan(vxlan)?.local
  if (!vxlan || !local) return parts
  const underlay = packedFamily(packBytes(local))
  // One flat list: one join of all bodies is faster than one per list.
  for (const body of dumpForwarding(route, underlay, vxlan.index)) parts.push(body)
  for (const family of FAMILIES) for (const body of dumpNeighbours(route, family, vxlan.index)) parts.push(body)
  return parts
}

function filterTexts(nft: NetlinkSocket): string[] {
  const sets = FAMILIES.flatMap((family) => [POD_SET[family], EXEMPT_SET[family]])
  const elements = sets.map((set) => dumpElementBodies(nft, TABLE, set)?.map(withoutGeneration).join('') ?? `no ${set}`)
  const rules = listRules(nft, TABLE, { chain: MASQUERADE_CHAIN }).map(describeRule)
  const forward = FAMILIES.flatMap((family) => {
    const [chain] = findChains(nft, FILTER_TABLES[family], [FORWARD_CHAIN])
    return chain ? [`${family} ${chain.policy}`, ...ownForwardRules(nft, FILTER_TABLES[family]).map(({ handle }) => `${handle}`)] : []
  })
  return [...elements, ...rules, ...forward]
}

/** nfgenmsg ends with the number of the ruleset's generation, which every change by any process raises. */
function withoutGeneration(body: string): string {
  return body.slice(8)
}

function describeRule({ handle, list }: KernelRule): string {
  return `${handle} ${list ? packBytes(list.bytes()) : ''}`
}

function settings(facts: Facts): string[] {
  const files = FAMILIES.map((family) => readWhole(LEGACY_TABLES[family]) ?? '')
  return [...watchedSysctls(facts).map((key) => `${key} ${readSysctl(key)}`), ...files]
}
