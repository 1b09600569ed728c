// Which routes a pod gets of those that IPAM and the configuration ask for, and what each of them is to the kernel. Pure.

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
 * The routes that go to the kernel and into the result: without host bits, each once, and none of a family that the pod has no address of. One by a
 * link-local gateway needs none but the kernel's own, which `hasLinkLocal` is asked for. The others are `useless`.
 */
export function chooseRoutes(
  routes: readonly Route[],
  ips: readonly IpConfig[],
  hasLinkLocal: () => boolean,
): { routes: Route[]; useless: Route[] } {
  const isUsable = ({ dst, gw }: Route) =>
    ips.some(({ address }) => address.address.family === dst.address.family) || (gw !== undefined && isLinkLocal(gw) && hasLinkLocal())
  // Once each: asking for a link-local address enters the pod's namespace.
  const usable: Route[] = []
  const useless: Route[] = []
  for (const route of routes) {
    if (isUsable(route)) usable.push({ ...route, dst: networkOf(route.dst) })
    else useless.push(route)
  }
  return { routes: distinctRoutes(usable, ips), useless }
}

/**
 * What the kernel is asked for, in order. `own` are the caller's routes to the pod's subnets, in place of those that the kernel makes; undefined where it
 * makes them.
 */
export function kernelRoutes(routes: readonly PodRoute[], ips: readonly IpConfig[], own: readonly PodRoute[] | undefined): KernelRoute[] {
  const known = own ?? []
  const isKnown = (route: Route) => known.some((other) => isSameRoute(other, route, ips))
  const others = routes.filter((route) => !isKnown(route) && !(own === undefined && isPrefixRoute(route, ips)))
  return distinctRoutes([...known.map((route) => withSizes(route, routes, ips)), ...others], ips).map((route) => {
    const gateway = gatewayOf(route, ips)
    // The kernel has no route to the subnet that would say so.
    const onlink = own !== undefined && gateway !== undefined && ips.some(({ address }) => cidrContains(address, gateway))
    return { ...route, gateway, onlink: onlink && !ips.some((ip) => ip.gateway && sameAddress(ip.gateway, gateway)) }
  })
}

/** The route's own gateway, or the first of its family; none for what is on the link, which 0.0.0.0 says too. */
export function gatewayOf({ dst, gw, scope }: Route, ips: readonly IpConfig[]): Address | undefined {
  const isOnLink = scope !== undefined && scope >= RT_SCOPE_LINK
  const gateway = gw ?? (isOnLink ? undefined : ips.find((ip) => ip.gateway?.family === dst.address.family)?.gateway)
  return gateway && isUnspecified(gateway) ? undefined : gateway
}

/** The first of those that are one route to the kernel. */
function distinctRoutes<R extends Route>(routes: readonly R[], ips: readonly IpConfig[]): R[] {
  return routes.filter((route, i) => routes.findIndex((other) => isSameRoute(other, route, ips)) === i)
}

/** Two routes with the same destination, metric, table and next hop: IPv6 refuses the second, of IPv4 it would never be used. */
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

/** A route of the caller's, with the sizes of the same one that was asked for. */
function withSizes(own: PodRoute, routes: readonly Route[], ips: readonly IpConfig[]): PodRoute {
  const asked = routes.find((route) => isSameRoute(route, own, ips))
  return asked ? { ...own, mtu: asked.mtu, advmss: asked.advmss } : own
}
