// Which of the requested routes a pod gets, and what each of them is to the kernel. Pure.

import type { IpConfig, Route } from '../../cni/types.ts'
import { RT_SCOPE_LINK, RT_TABLE_MAIN } from '../../kernel/route/constants.ts'
import type { KernelRoute } from '../../kernel/route/route.ts'
import { type Address, isLinkLocal, isUnspecified, sameAddress } from '../../net/address.ts'
import { type Cidr, cidrContains, networkOf } from '../../net/cidr.ts'

/** A route, and the address that packets take which go by it. */
export interface PodRoute extends Route {
  readonly src?: Address
}

/** IP6_RT_PRIO_USER and IP6_RT_PRIO_ADDRCONF (linux/ipv6_route.h): what IPv6 makes of a route without a metric, and what the route to an address's subnet has. */
const METRIC_6 = 1024
const PREFIX_METRIC_6 = 256

/**
 * The routes that go to the kernel and into the result: without host bits, each once, and only of families that the pod has an address of. For a
 * link-local gateway the kernel's own link-local address is enough (`hasLinkLocal`). The others are `useless`.
 */
export function chooseRoutes(
  routes: readonly Route[],
  ips: readonly IpConfig[],
  hasLinkLocal: () => boolean,
): { routes: Route[]; useless: Route[] } {
  const isUsable = ({ dst, gw }: Route) =>
    ips.some(({ address }) => address.address.family === dst.address.family) || (gw !== undefined && isLinkLocal(gw) && hasLinkLocal())
  // Once each: looking for a link-local address enters the pod's namespace.
  const usable: Route[] = []
  const useless: Route[] = []
  for (const route of routes) {
    if (isUsable(route)) usable.push({ ...route, dst: networkOf(route.dst) })
    else useless.push(route)
  }
  return { routes: distinctRoutes(usable, ips), useless }
}

/**
 * The routes to add, in order. `own` are the caller's routes to the pod's subnets, in place of those that the kernel makes; undefined where it
 * makes them.
 */
export function kernelRoutes(routes: readonly PodRoute[], ips: readonly IpConfig[], own: readonly PodRoute[] | undefined): KernelRoute[] {
  const known = own ?? []
  const isKnown = (route: Route) => known.some((other) => isSameRoute(other, route, ips))
  const others = routes.filter((route) => !isKnown(route) && !(own === undefined && isPrefixRoute(route, ips)))
  return distinctRoutes([...known.map((route) => withSizes(route, routes, ips)), ...others], ips).map((route) => {
    const gateway = gatewayOf(route, ips)
    // Without a route to the subnet the kernel cannot know that.
    const onlink = own !== undefined && gateway !== undefined && ips.some(({ address }) => cidrContains(address, gateway))
    return { ...route, gateway, onlink: onlink && !ips.some((ip) => ip.gateway && sameAddress(ip.gateway, gateway)) }
  })
}

/** The route's own gateway, or the first of its family; none for what is on the link; 0.0.0.0 means the same. */
export function gatewayOf({ dst, gw, scope }: Route, ips: readonly IpConfig[]): Address | undefined {
  const isOnLink = scope !== undefined && scope >= RT_SCOPE_LINK
  const gateway = gw ?? (isOnLink ? undefined : ips.find((ip) => ip.gateway?.family === dst.address.family)?.gateway)
  return gateway && isUnspecified(gateway) ? undefined : gateway
}

/** The first of those that are one route to the kernel. */
function distinctRoutes<R extends Route>(routes: readonly R[], ips: readonly IpConfig[]): R[] {
  return routes.filter((route, i) => routes.findIndex((other) => isSameRoute(other, route, ips)) === i)
}

/** Two routes with the same destination, metric, table and next hop: IPv6 rejects the second, IPv4 would never use it. */
function isSameRoute(a: Route, b: Route, ips: readonly IpConfig[]): boolean {
  if (a === b) return true
  if (!isSameNetwork(a.dst, b.dst) || metricOf(a) !== metricOf(b)) return false
  if ((a.table || RT_TABLE_MAIN) !== (b.table || RT_TABLE_MAIN)) return false
  const [viaA, viaB] = [gatewayOf(a, ips), gatewayOf(b, ips)]
  return viaA && viaB ? sameAddress(viaA, viaB) : viaA === viaB
}

function isSameNetwork(a: Cidr, b: Cidr): boolean {
  return a.length === b.length && cidrContains(a, b.address)
}

function metricOf({ dst, priority }: Route): number {
  return priority || (dst.address.family === 6 ? METRIC_6 : 0)
}

/** What the kernel makes of the address anyway. One that chooses a metric or sizes is another route. */
function isPrefixRoute(route: Route, ips: readonly IpConfig[]): boolean {
  const { dst, priority, table, mtu, advmss } = route
  const isAlike = priority ? dst.address.family === 6 && priority === PREFIX_METRIC_6 : !mtu && !advmss
  if (!isAlike || (table || RT_TABLE_MAIN) !== RT_TABLE_MAIN || gatewayOf(route, ips)) return false
  // Of an IPv4 address that is its own subnet it makes none.
  return ips.some(({ address }) => isSameNetwork(address, dst) && (dst.address.family === 6 || dst.length < 32))
}

/** A route of the caller's, with the MTU and MSS of the same route where that is requested. */
function withSizes(own: PodRoute, routes: readonly Route[], ips: readonly IpConfig[]): PodRoute {
  const requested = routes.find((route) => isSameRoute(route, own, ips))
  return requested ? { ...own, mtu: requested.mtu, advmss: requested.advmss } : own
}
