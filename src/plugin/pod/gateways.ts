// The gateways of a pod's addresses, and which of them the node itself has.

import { fail } from '../../cni/error.ts'
import type { IpConfig } from '../../cni/types.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { listAddresses } from '../../kernel/route/address.ts'
import type { Link } from '../../kernel/route/link.ts'
import { isLinkLocal } from '../../net/address.ts'
import { type Cidr, formatCidr, sameCidr } from '../../net/cidr.ts'
import { firstGateway, requireOwnGateways } from './lease-problems.ts'

/** The addresses for the interface at `index` of the result. With `fill` the node has the gateways; where IPAM names none it is the subnet's first address. */
export function withGateways(ips: readonly IpConfig[], fill: boolean, index: number): IpConfig[] {
  const filled = ips.map(({ address, gateway }) => ({
    address,
    gateway: gateway ?? (fill ? firstGateway(address) : undefined),
    interface: index,
  }))
  if (fill) requireOwnGateways(filled)
  return filled
}

/** Each gateway with the length of its subnet; a link-local one has its own. */
export function gatewayCidrs(ips: readonly IpConfig[]): Cidr[] {
  return ips.flatMap(({ address, gateway }) => (gateway ? [{ address: gateway, length: isLinkLocal(gateway) ? 64 : address.length }] : []))
}

/** Throws where the link lacks the address of a gateway. */
export function checkGateways(route: NetlinkSocket, link: Link, gateways: readonly Cidr[]): void {
  const present = listAddresses(route, link.index)
  for (const gateway of gateways) {
    if (!present.some(({ cidr }) => sameCidr(cidr, gateway))) fail(`${link.name} lacks the gateway ${formatCidr(gateway)}`)
  }
}
