// The datapath `ptp`: a pair, a route on the host for each of the pod's addresses, and in the pod everything by way of the gateway.
// The gateway's address is on the host's end of every pair; no bridge, no bridge filtering, no port to wait for.

import type { IpConfig, Route } from '../../cni/types.ts'
import { type NetlinkSocket, transact } from '../../kernel/netlink/socket.ts'
import { addAddress } from '../../kernel/route/address.ts'
import { RT_SCOPE_LINK } from '../../kernel/route/constants.ts'
import { type Link, setLink, transactLink } from '../../kernel/route/link.ts'
import { replaceRoute } from '../../kernel/route/route.ts'
import { addVeth, type VethEnd } from '../../kernel/route/veth.ts'
import { trySysctl } from '../../kernel/sysctl.ts'
import { hostCidr, networkOf } from '../../net/cidr.ts'

/** `ip link add HOST type veth peer …; ip link set HOST alias …`; the host's end, still down, whose `peer` is the pod's index. */
export function addPair(route: NetlinkSocket, host: VethEnd & { readonly alias: string }, pod: VethEnd & { readonly netns: number }): Link {
  const ref = { name: host.name }
  return transactLink(route, [addVeth({ ...host, up: false }, pod), setLink(ref, { alias: host.alias })], ref)
}

/** `ip link set HOST up; ip addr add GATEWAY/32 dev HOST; ip route replace ADDRESS/32 dev HOST scope link` for each address. */
export function routeToPod(route: NetlinkSocket, host: Link, ips: readonly IpConfig[]): void {
  if (ips.some(({ address }) => address.address.family === 6)) {
    trySysctl(`net/ipv6/conf/${host.name}/accept_ra`, '0')
    // A link-local address that is tentative for a second could not ask for the pod's in the meantime.
    trySysctl(`net/ipv6/conf/${host.name}/accept_dad`, '0')
  }
  const gateways = ips.flatMap(({ gateway }) => (gateway ? [addAddress(host.index, hostCidr(gateway), { nodad: true })] : []))
  const routes = ips.map(({ address }) => replaceRoute({ dst: hostCidr(address.address), oif: host.index, scope: RT_SCOPE_LINK }))
  transact(route, [setLink({ index: host.index }, { up: true }), ...gateways, ...routes])
}

/** What the pod needs besides its own routes: the gateway on the link, and the rest of its subnet behind the gateway. */
export function gatewayRoutes(ips: readonly IpConfig[]): Route[] {
  return ips.flatMap(({ address, gateway }) =>
    gateway
      ? [
          { dst: hostCidr(gateway), scope: RT_SCOPE_LINK },
          { dst: networkOf(address), gw: gateway },
        ]
      : [],
  )
}
