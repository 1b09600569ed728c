// Which rules and routes make each of the pod's addresses go out by its own interface. Pure: what the kernel has goes in, what shall change comes out.

import type { IpConfig } from '../../cni/types.ts'
import { RT_SCOPE_LINK, RT_TABLE_MAIN } from '../../kernel/route/constants.ts'
import type { KernelRoute } from '../../kernel/route/route.ts'
import type { KernelRule, PolicyRule } from '../../kernel/route/rule.ts'
import { type Address, isLinkLocal } from '../../net/address.ts'
import { type Cidr, cidrContains, hostCidr, networkOf, sameCidr } from '../../net/cidr.ts'
import type { SbrConfig } from './config.ts'

/** The namespace as it is: rules and routes of both families, the routes of all tables. */
export interface Routing {
  readonly rules: readonly KernelRule[]
  readonly routes: readonly KernelRoute[]
}

export interface SbrPlan {
  readonly rules: readonly PolicyRule[]
  /** In order: a gateway has to be within reach before what goes by it. */
  readonly routes: readonly KernelRoute[]
  /** Of the main table. */
  readonly removed: readonly KernelRoute[]
  /** Into the main table, once the others are gone. */
  readonly hints: readonly KernelRoute[]
}

const FIRST_TABLE = 100

/** The plan for `ips`, which are the interface's. An address that has its rule already keeps its table. */
export function planSbr({ rules, routes }: Routing, oif: number, ips: readonly IpConfig[], config: SbrConfig): SbrPlan {
  const { table: given } = config
  if (given !== undefined) {
    const wanted = ips.map((ip) => ruleOf(ip, given))
    return { rules: wanted.filter((rule) => !rules.some((known) => isRule(known, rule))), routes: [], removed: [], hints: [] }
  }
  const taken = new Set([...rules.map(({ table }) => table), ...routes.map(({ table }) => table ?? RT_TABLE_MAIN)])
  const main = routes.filter((route) => route.oif === oif && route.table === RT_TABLE_MAIN)
  // fe80::/64 is every interface's own: in the main table alone it serves the neighbours, gateways among them.
  const moved = main.filter(({ dst }) => !isLinkLocal(dst.address))
  const added: PolicyRule[] = []
  const copies: KernelRoute[] = []
  for (const ip of ips) {
    const known = rules.find(({ src, table }) => src && sameCidr(src, hostCidr(ip.address.address)) && table >= FIRST_TABLE)
    const table = known?.table ?? firstFree(taken)
    taken.add(table)
    if (!known) added.push(ruleOf(ip, table))
    copies.push(...routesOf(ip, oif, table, moved, config))
  }
  return { rules: added, routes: copies, removed: moved, hints: config.addSourceHints ? ips.map((ip) => hintOf(ip, oif)) : [] }
}

/** The default route of an address's table. */
export function defaultRoute(ip: IpConfig, oif: number, table: number, { gateways }: SbrConfig): KernelRoute | undefined {
  const { family } = ip.address.address
  const gateway = gateways.find((given) => given.family === family) ?? ip.gateway
  return gateway && { dst: anywhere(family), gateway, oif, table }
}

export function ruleOf({ address }: IpConfig, table: number): PolicyRule {
  return { src: hostCidr(address.address), table }
}

export function isRule(known: KernelRule, wanted: PolicyRule): boolean {
  return known.src !== undefined && sameCidr(known.src, wanted.src) && known.table === wanted.table
}

/** The route to the address's own subnet, with that address for those who have chosen none. */
export function hintOf({ address }: IpConfig, oif: number): KernelRoute {
  return { dst: networkOf(address), oif, src: address.address, scope: address.address.family === 4 ? RT_SCOPE_LINK : undefined }
}

/** What concerns the address (its source or gateway is in the subnet) and what concerns all, then the default route unless one of those is it. */
function routesOf(ip: IpConfig, oif: number, table: number, main: readonly KernelRoute[], config: SbrConfig): KernelRoute[] {
  const within = (address: Address | undefined) => address !== undefined && cidrContains(ip.address, address)
  const chosen = main.filter(({ src, gateway }) => within(src) || within(gateway) || (!src && !gateway))
  const own = defaultRoute(ip, oif, table, config)
  const others = own ? chosen.filter(({ dst }) => dst.length > 0 || dst.address.family !== own.dst.address.family) : chosen
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
