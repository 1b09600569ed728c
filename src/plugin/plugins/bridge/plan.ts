// What a pod of `bridge` gets of its lease: gateways, and default routes by them. Pure.

import type { IpConfig, Result, Route } from '../../../cni/types.ts'
import { RT_TABLE_MAIN } from '../../../kernel/route/constants.ts'
import { parseAddress } from '../../../net/address.ts'
import { isDefaultRoute } from '../../../net/cidr.ts'
import type { Addresses } from '../../pod/attach.ts'
import { withGateways } from '../../pod/gateways.ts'
import { requireOnLink } from '../../pod/lease-problems.ts'
import type { BridgeConfig } from './config.ts'

/** The pod's interface is the third of the result, after bridge and port. */
const POD_INTERFACE = 2

/** The lease's addresses and routes as the pod gets them. Throws where a route's gateway cannot be reached. */
export function plan(config: BridgeConfig, lease: Result): Addresses {
  const ips = withGateways(lease.ips, config.isGateway, POD_INTERFACE)
  const routes = config.isDefaultGateway ? withDefaultRoutes(lease.routes, ips) : lease.routes
  requireOnLink(ips, routes)
  return { ips, routes }
}

/** One default route a family, where IPAM has none in the main table that names a gateway. */
function withDefaultRoutes(routes: readonly Route[], ips: readonly IpConfig[]): Route[] {
  const all = [...routes]
  for (const { address, gateway } of ips) {
    const family = address.address.family
    const isDefault = ({ dst, gw, table }: Route) => gw && isDefaultRoute(dst) && (table || RT_TABLE_MAIN) === RT_TABLE_MAIN
    if (all.some((route) => isDefault(route) && route.dst.address.family === family)) continue
    all.push({ dst: { address: parseAddress(family === 4 ? '0.0.0.0' : '::'), length: 0 }, gw: gateway })
  }
  return all
}
