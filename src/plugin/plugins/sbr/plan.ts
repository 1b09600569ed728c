// Which rules and routes make each of the pod's addresses go out by its own interface. Pure: the kernel's state goes in, the changes come out.

import type { IpConfig } from '../../../cni/types.ts'
import { RT_SCOPE_LINK, RT_TABLE_MAIN } from '../../../kernel/route/constants.ts'
import type { KernelRoute } from '../../../kernel/route/route.ts'
import type { KernelRule, PolicyRule } from '../../../kernel/route/rule.ts'
import { type Address, isLinkLocal } from '../../../net/address.ts'
import { type Cidr, cidrContains, formatCidr, hostCidr, networkOf, sameCidr } from '../../../net/cidr.ts'
import type { SbrConfig } from './config.ts'

/** The namespace as it is: rules and routes of both families, the routes of all tables. */
export interface Routing {
  readonly rules: readonly KernelRule[]
  readonly routes: readonly KernelRoute[]
}

export interface SbrPlan {
  readonly rules: readonly PolicyRule[]
  /** In order: a gateway has to be reachable before the routes via it. */
  readonly routes: readonly KernelRoute[]
  /** Of the main table. */
  readonly removed: readonly KernelRoute[]
  /** Into the main table, once the others are gone. */
  readonly hints: readonly KernelRoute[]
}

const FIRST_TABLE = 100
/** IP6_RT_PRIO_USER: what IPv6 makes of a route without a metric. */
const METRIC_6 = 1024

/** The plan for `ips`, which are the interface's. An address that has its rule already keeps its table. */
export function planSbr({ rules, routes }: Routing, oif: number, ips: readonly IpConfig[], config: SbrConfig): SbrPlan {
  const { table: given } = config
  if (given !== undefined) {
    const wanted = ips.map((ip) => ruleOf(ip, given))
    return { rules: wanted.filter((rule) => !rules.some((known) => isRule(known, rule))), routes: [], removed: [], hints: [] }
  }
  const taken = new Set([...rules.map(({ table }) => table), ...routes.map(({ table }) => table ?? RT_TABLE_MAIN)])
  // fe80::/64 is every interface's own: in the main table alone it serves the neighbours, gateways among them.
  const main = routes.filter(({ dst, oif: out, table }) => out === oif && table === RT_TABLE_MAIN && !isLinkLocal(dst.address))
  // One of a family without an address would be in no table.
  const moved = main.filter(({ dst }) => ips.some(({ address }) => address.address.family === dst.address.family))
  const added: PolicyRule[] = []
  const copies: KernelRoute[] = []
  for (const ip of ips) {
    const known = rules.find(({ src, table }) => src && sameCidr(src, hostCidr(ip.address.address)) && table >= FIRST_TABLE)
    const table = known?.table ?? firstFree(taken)
    taken.add(table)
    if (!known) added.push(ruleOf(ip, table))
    const present = routes.filter((route) => route.table === table)
    const chosen = moved.filter((route) => concerns(route, ip, ips))
    copies.push(...routesOf(ip, oif, table, { present, chosen }, config))
  }
  return { rules: added, routes: copies, removed: moved, hints: hintsOf(ips, oif, config) }
}

/** The default route of an address's table, where none of the interface's is. */
export function defaultRoute(ip: IpConfig, oif: number, table: number, config: SbrConfig): KernelRoute | undefined {
  const { family } = ip.address.address
  const gateway = givenGateway(ip, config) ?? ip.gateway
  return gateway && { dst: anywhere(family), gateway, oif, table }
}

/** The default route that counts: others have a metric of their own and stand back. */
export function isMainDefault({ dst, priority }: KernelRoute, { address }: IpConfig): boolean {
  const { family } = dst.address
  return dst.length === 0 && family === address.address.family && (priority ?? 0) === (family === 6 ? METRIC_6 : 0)
}

export function givenGateway({ address }: IpConfig, { gateways }: SbrConfig): Address | undefined {
  return gateways.find(({ family }) => family === address.address.family)
}

export function ruleOf({ address }: IpConfig, table: number): PolicyRule {
  return { src: hostCidr(address.address), table }
}

export function isRule(known: KernelRule, wanted: PolicyRule): boolean {
  return known.src !== undefined && sameCidr(known.src, wanted.src) && known.table === wanted.table
}

/** With addSourceHints, the routes to the addresses' own subnets, each with the first of its addresses for those who have chosen none. */
export function hintsOf(ips: readonly IpConfig[], oif: number, { addSourceHints }: SbrConfig): KernelRoute[] {
  if (!addSourceHints) return []
  const subnets = ips.map(({ address }) => formatCidr(networkOf(address)))
  const first = ips.filter((_, i) => subnets.indexOf(subnets[i] ?? '') === i)
  return first.map(({ address }) => ({
    dst: networkOf(address),
    oif,
    src: address.address,
    scope: address.address.family === 4 ? RT_SCOPE_LINK : undefined,
  }))
}

/** A route whose source or gateway is in the subnet of an address concerns that address; any other route concerns all of its family. */
function concerns({ dst, src, gateway }: KernelRoute, ip: IpConfig, ips: readonly IpConfig[]): boolean {
  if (dst.address.family !== ip.address.address.family) return false
  const isNear = ({ address }: IpConfig) => [src, gateway].some((end) => end !== undefined && cidrContains(address, end))
  return isNear(ip) || !ips.some(isNear)
}

/** Those of the interface, among them its default route; where it and the table have none, or the configuration names the gateway, one of our own. */
function routesOf(
  ip: IpConfig,
  oif: number,
  table: number,
  { present, chosen }: { readonly present: readonly KernelRoute[]; readonly chosen: readonly KernelRoute[] },
  config: SbrConfig,
): KernelRoute[] {
  const isGiven = givenGateway(ip, config) !== undefined
  const others = isGiven ? chosen.filter((route) => !isMainDefault(route, ip)) : chosen
  const own = [...present, ...others].some((route) => isMainDefault(route, ip)) ? undefined : defaultRoute(ip, oif, table, config)
  const copies = others.map((route) => ({ ...route, table }))
  return [...copies.filter(({ gateway }) => !gateway), ...(own ? [own] : []), ...copies.filter(({ gateway }) => gateway)]
}

function firstFree(taken: ReadonlySet<number>): number {
  let table = FIRST_TABLE
  while (taken.has(table)) table++
  return table
}

function anywhere(family: 4 | 6): Cidr {
  return { address: { family, bytes: new Uint8Array(family === 4 ? 4 : 16) }, length: 0 }
}
