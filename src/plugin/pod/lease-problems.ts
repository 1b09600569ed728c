// Problems in IPAM's answer, found before anything is made: the kernel would reject it half way. Pure.

import { CniError, ErrInvalidNetworkConfig } from '../../cni/error.ts'
import type { IpConfig, Result, Route } from '../../cni/types.ts'
import { gatewayProblem } from '../../ipam/gateway.ts'
import { RT_SCOPE_LINK, RT_SCOPE_NOWHERE } from '../../kernel/route/constants.ts'
import { type Address, formatAddress, isLinkLocal, isUnspecified, nextAddress, sameAddress } from '../../net/address.ts'
import { addressBits, type Cidr, cidrContains, formatCidr, networkOf } from '../../net/cidr.ts'
import { gatewayOf } from './routes.ts'

/** Throws where a gateway, or a route's gateway, cannot work. */
export function requireGateways({ ips, routes }: Pick<Result, 'ips' | 'routes'>): void {
  for (const [i, { address, gateway }] of ips.entries()) {
    const problem = gateway && gatewayProblem(gateway, address)
    if (problem) reject(`ips[${i}].gateway`, problem)
  }
  for (const [i, { dst, gw, scope = 0 }] of routes.entries()) {
    if (gw && gw.family !== dst.address.family) {
      reject(`routes[${i}].gw`, `${formatAddress(gw)} is an IPv${gw.family} address, ${formatCidr(dst)} is IPv${dst.address.family}`)
    }
    // IPv6 has no scopes.
    if (dst.address.family === 4 && gw && !isUnspecified(gw) && scope >= RT_SCOPE_LINK) {
      reject(
        `routes[${i}].scope`,
        `${scope} is for what is on the link, the route to ${formatCidr(dst)} is via ${formatAddress(gw)}: leave out one`,
      )
    }
    if (scope === RT_SCOPE_NOWHERE)
      reject(`routes[${i}].scope`, `${scope} is not the scope of a route: expected 0 (global), 253 (link) or 254 (host)`)
  }
}

/** The node's gateway address where IPAM names none: the subnet's first address; of a subnet of two the one that is not the pod's. */
export function firstGateway({ address, length }: Cidr): Address {
  const network = networkOf({ address, length }).address
  const first = nextAddress(network)
  return length === addressBits(address) - 1 && sameAddress(first, address) ? network : first
}

/** Throws where the gateway, which the node is to have, is an address of the pod's, or unspecified. */
export function requireOwnGateways(ips: readonly IpConfig[]): void {
  for (const [i, { gateway }] of ips.entries()) {
    if (!gateway) continue
    if (isUnspecified(gateway)) reject(`ips[${i}].gateway`, `${formatAddress(gateway)} is not an address that a node can have`)
    if (ips.some(({ address }) => sameAddress(address.address, gateway))) {
      reject(`ips[${i}].gateway`, `${formatAddress(gateway)} is the pod's own address: give the pod another, or name another gateway`)
    }
  }
}

/**
 * Throws where a route is via a gateway of IPAM's that is not on the link. `fe80::1` is on every link; another outside the subnets needs
 * a route of its own, with `scope` 253.
 */
export function requireOnLink(ips: readonly IpConfig[], routes: readonly Route[]): void {
  for (const [i, { gateway }] of ips.entries()) {
    if (!gateway || isLinkLocal(gateway) || isOnLink(gateway, ips, routes)) continue
    const route = routes.find((other) => isVia(other, gateway, ips))
    if (!route) continue
    const hint = `: it is outside the pod's subnets; name a gateway inside, or add the route ${formatAddress(gateway)}/${addressBits(gateway)} with scope 253`
    reject(`ips[${i}].gateway`, `${formatAddress(gateway)} cannot be reached for the route to ${formatCidr(route.dst)}${hint}`)
  }
}

function isVia(route: Route, gateway: Address, ips: readonly IpConfig[]): boolean {
  const via = gatewayOf(route, ips)
  return via !== undefined && sameAddress(via, gateway)
}

function isOnLink(gateway: Address, ips: readonly IpConfig[], routes: readonly Route[]): boolean {
  if (ips.some(({ address }) => cidrContains(address, gateway))) return true
  return routes.some((route) => !gatewayOf(route, ips) && cidrContains(route.dst, gateway))
}

function reject(where: string, problem: string): never {
  throw new CniError(ErrInvalidNetworkConfig, `invalid addresses from IPAM: ${where}: ${problem}`)
}
