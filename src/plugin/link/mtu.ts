// The MTU that fits the node's way out.

import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { findLink } from '../../kernel/route/link.ts'
import { lookUpRoutes } from '../../kernel/route/lookup.ts'
import { parseAddress } from '../../net/address.ts'

/** Addresses of documentation (RFC 5737, RFC 3849): only a default route leads to them. */
const ELSEWHERE = ['192.0.2.1', '2001:db8::1'].map(parseAddress)

/** The MTU of the device that the default route leaves by; 0, the kernel's choice, on a node without one. */
export function defaultMtu(route: NetlinkSocket): number {
  // A laboratory's node may have one of them itself, and the loopback's MTU is none that a pair could have.
  const way = lookUpRoutes(route, ELSEWHERE).find((found) => found?.oif && !found.local)
  return way ? (findLink(route, { index: way.oif })?.mtu ?? 0) : 0
}
