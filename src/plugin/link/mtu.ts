// The MTU of the node's default route.

import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { findLink } from '../../kernel/route/link.ts'
import { lookUpRoutes } from '../../kernel/route/lookup.ts'
import { parseAddress } from '../../net/address.ts'

/** Addresses of documentation (RFC 5737, RFC 3849): only a default route leads to them. */
const ELSEWHERE = ['192.0.2.1', '2001:db8::1'].map(parseAddress)

/** The MTU of the device that the default route leaves by; 0, the kernel's choice, on a node without one. */
export function defaultMtu(route: NetlinkSocket): number {
  // A test node may have one of them itself, and a pair cannot have the loopback's MTU.
  const leaving = lookUpRoutes(route, ELSEWHERE).find((found) => found?.oif && !found.local)
  return leaving ? (findLink(route, { index: leaving.oif })?.mtu ?? 0) : 0
}
