// The datapath of `ptp`, and of `podwire` by default: a pair, a route on the host for each of the pod's addresses, and in the pod every route via the gateway.
// The gateway's address is on the host's end of every pair; no bridge, no bridge filtering.

import { fail } from '../../cni/error.ts'
import type { IpConfig } from '../../cni/types.ts'
import { type NetlinkSocket, transact } from '../../kernel/netlink/socket.ts'
import { addAddress, addLinkLocal } from '../../kernel/route/address.ts'
import { RT_SCOPE_LINK } from '../../kernel/route/constants.ts'
import { type Link, setLink, transactLink } from '../../kernel/route/link.ts'
import { addressFamily } from '../../kernel/route/request.ts'
import { listRoutes, replaceRoute } from '../../kernel/route/route.ts'
import { addVeth, type VethEnd } from '../../kernel/route/veth.ts'
import { trySysctl } from '../../kernel/sysctl.ts'
import { type Cidr, formatCidr, hostCidr, networkOf, sameCidr } from '../../net/cidr.ts'
import { checkGateways, gatewayCidrs } from '../pod/gateways.ts'
import type { Pod } from '../pod/namespace.ts'
import type { PodRoute } from '../pod/routes.ts'

/** `ip link add HOST type veth peer …; ip link set HOST alias …`; the host's end, still down, whose `peer` is the pod's index. */
export function addPair(route: NetlinkSocket, host: VethEnd & { readonly alias: string }, pod: VethEnd & { readonly netns: number }): Link {
  const ref = { name: host.name }
  return transactLink(route, [addVeth({ ...host, up: false }, pod), setLink(ref, { alias: host.alias })], ref)
}

/** `ip link set HOST up; ip addr add GATEWAY/32 dev HOST; ip route replace ADDRESS/32 dev HOST scope link` for each address. */
export function routeToPod(route: NetlinkSocket, host: Link, ips: readonly IpConfig[]): void {
  const hasIPv6 = ips.some(({ address }) => address.address.family === 6)
  // Whatever the pod's own addresses are: a router advertisement from the pod would give the node an address, and a default route (CVE-2020-10749).
  trySysctl(`net/ipv6/conf/${host.name}/accept_ra`, '0')
  const gateways = distinct(
    ips.flatMap(({ gateway }) => (gateway ? [hostCidr(gateway)] : [])),
    (cidr) => cidr,
  )
  const routes = ips.map(({ address }) => replaceRoute({ dst: hostCidr(address.address), oif: host.index, scope: RT_SCOPE_LINK }))
  transact(route, [
    // While the link is down the kernel has no address for it yet.
    ...(hasIPv6 ? [addLinkLocal(host)] : []),
    setLink({ index: host.index }, { up: true }),
    ...gateways.map((cidr) => addAddress(host.index, cidr, { nodad: true })),
    ...routes,
  ])
}

/**
 * What the pod needs besides its own routes: the gateway on the link, and the rest of its subnet behind the gateway. With `enabledad` an IPv6 address
 * is tentative for a while, and no source yet.
 */
export function gatewayRoutes(ips: readonly IpConfig[], enabledad = false): PodRoute[] {
  const routes: PodRoute[] = ips.flatMap(({ address, gateway }) => {
    const src = enabledad && address.address.family === 6 ? {} : { src: address.address }
    return gateway
      ? [
          { dst: hostCidr(gateway), scope: RT_SCOPE_LINK, ...src },
          { dst: networkOf(address), gw: gateway, ...src },
        ]
      : []
  })
  return distinct(routes, ({ dst }) => dst)
}

/** What ADD made on both ends, and what the result does not name: the host's routes to the pod, the pod's to its gateways. Throws what is missing. */
export function checkPointToPoint(pod: Pod, route: NetlinkSocket, host: Link, ips: readonly IpConfig[]): void {
  for (const { address } of ips) {
    const wanted = hostCidr(address.address)
    const present = listRoutes(route, addressFamily(address.address))
    if (!present.some(({ dst, oif }) => oif === host.index && sameCidr(dst, wanted)))
      fail(`the host's route to ${formatCidr(wanted)} is missing`)
  }
  for (const { dst } of gatewayRoutes(ips)) {
    const present = listRoutes(pod.route, addressFamily(dst.address))
    if (!present.some((found) => sameCidr(found.dst, dst))) fail(`the pod's route to ${formatCidr(dst)} is missing`)
  }
  checkGateways(
    route,
    host,
    gatewayCidrs(ips).map(({ address }) => hostCidr(address)),
  )
}

/** Two addresses of one subnet share a gateway: the first of those that name the same. */
function distinct<T>(items: readonly T[], cidrOf: (item: T) => Cidr): T[] {
  const texts = items.map((item) => formatCidr(cidrOf(item)))
  return items.filter((_, i) => texts.indexOf(texts[i] ?? '') === i)
}
