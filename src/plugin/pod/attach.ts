// Steps of attaching a pod that `bridge` and `podwire` share.

import { CniError, ErrInvalidNetworkConfig } from '../../cni/error.ts'
import type { Request } from '../../cni/plugin.ts'
import type { IpConfig, Result } from '../../cni/types.ts'
import type { Undo } from '../../cni/undo.ts'
import { log } from '../../host/log.ts'
import type { Ipam } from '../../ipam/ipam.ts'
import { acceptRaOf, advertisedLinks } from '../../kernel/advertised-links.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { findLink, type Link } from '../../kernel/route/link.ts'
import { ensureSysctl, readSysctl } from '../../kernel/sysctl.ts'
import { isLinkLocal } from '../../net/address.ts'
import type { Cidr } from '../../net/cidr.ts'
import { type Mac, macFromIPv4 } from '../../net/mac.ts'
import { firstGateway, requireGateways, requireOwnGateways } from './lease-problems.ts'
import type { Pod } from './pod-interface.ts'

const NO_LEASE: Result = { interfaces: [], ips: [], routes: [], dns: {} }

/** The addresses of IPAM, given back when a later step fails. Without IPAM: none. With `byLink` they are asked for by the link, which is there already. */
export function takeLease(request: Request<unknown>, ipam: Ipam | undefined, pod: Pod, undo: Undo, byLink = false): Result {
  if (!ipam) return NO_LEASE
  const lease = ipam.add(request)
  undo('release the lease', () => {
    // Ours is gone by now. One that is there is of the same ADD made twice at once, and has the same lease.
    if (byLink || !findLink(pod.route, { name: request.ifname })) ipam.del(request)
  })
  if (lease.ips.length === 0) throw new CniError(ErrInvalidNetworkConfig, 'IPAM plugin returned missing IP config')
  requireGateways(lease)
  return lease
}

/** The addresses for the interface at `index` of the result. With `fill` the node has the gateways; one that IPAM left open is the first address of the subnet. */
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

/** The MAC that was asked for, or 0a:58 and the IPv4 address; undefined leaves it to the kernel. */
export function podMac(asked: Mac | undefined, ips: readonly IpConfig[]): Mac | undefined {
  const ipv4 = ips.find(({ address }) => address.address.family === 4)
  return asked ?? (ipv4 && macFromIPv4(ipv4.address.address))
}

/** The MAC that the kernel chose. */
export function podEndMac(pod: Pod, port: Link): Mac {
  const end = findLink(pod.route, { index: port.peer })
  if (!end) throw new RangeError(`peer #${port.peer} of ${port.name} is not in the pod's namespace`)
  return end.mac
}

/**
 * A gateway that does not forward is none. Never undone: others may have come to rely on it. A node that has its own IPv6 routes by router advertisement
 * keeps them.
 */
export function enableForwarding(route: NetlinkSocket, gateways: readonly Cidr[]): void {
  for (const family of new Set(gateways.map(({ address }) => address.family))) {
    const isOff = family === 6 && readSysctl(forwardingOf(family)) !== '1'
    for (const link of isOff ? advertisedLinks(route) : []) {
      log.warn('a node that forwards ignores router advertisements: the link accepts them all the same from now on', { link, accept_ra: 2 })
      ensureSysctl(acceptRaOf(link), '2')
    }
    ensureSysctl(forwardingOf(family), '1')
  }
}

export function forwardingOf(family: 4 | 6): string {
  return family === 4 ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding'
}
