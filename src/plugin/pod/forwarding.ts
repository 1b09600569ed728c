// Forwarding on the node: a gateway that does not forward leads nowhere.

import { fail } from '../../cni/error.ts'
import type { IpConfig } from '../../cni/types.ts'
import { log } from '../../host/log.ts'
import { acceptRaOf, advertisedLinks } from '../../kernel/advertised-links.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { ensureSysctl, readSysctl } from '../../kernel/sysctl.ts'
import type { Cidr } from '../../net/cidr.ts'
import { gatewayCidrs } from './gateways.ts'

/**
 * `sysctl -w net.ipv4.ip_forward=1`, and IPv6's. Never undone: other pods may rely on it by now. A node that has its own IPv6 routes by router
 * advertisement keeps them.
 */
export function enableForwarding(route: NetlinkSocket, gateways: readonly Cidr[]): void {
  for (const family of new Set(gateways.map(({ address }) => address.family))) {
    const isOff = family === 6 && readSysctl(forwardingOf(family)) !== '1'
    for (const link of isOff ? advertisedLinks(route) : []) {
      log.warn('accept_ra set to 2: a forwarding node otherwise ignores router advertisements on this link', { link, accept_ra: 2 })
      ensureSysctl(acceptRaOf(link), '2')
    }
    ensureSysctl(forwardingOf(family), '1')
  }
}

function forwardingOf(family: 4 | 6): string {
  return family === 4 ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding'
}

/** Throws where the node does not forward for one of the gateways. */
export function checkForwarding(ips: readonly IpConfig[]): void {
  for (const { address } of gatewayCidrs(ips)) {
    const path = forwardingOf(address.family)
    if (readSysctl(path) !== '1') fail(`${path} is ${readSysctl(path) ?? 'missing'}, expected 1: the node does not forward`)
  }
}
