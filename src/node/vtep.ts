// The tunnel end of a node, as every other node computes it: nothing is announced.

import { sys } from '../host/sys.ts'
import type { Packed } from '../net/packed.ts'

/** Bytes of the VXLAN header and the headers around it, by the family of the outer packet. */
export const OVERHEAD = { 4: 50, 6: 70 } as const

/**
 * The MAC of the node's VXLAN device, twelve digits: 0e and five bytes of its first address. `e` is a locally administered unicast address.
 * An IPv4 address goes in whole, so that two nodes cannot have the same and a capture can be read; of an IPv6 address it is a hash.
 */
export function vtepMac(address: Packed): string {
  return address.length === 8 ? `0e00${address}` : `0e${sys.sha512(address).slice(0, 10)}`
}

/**
 * What the peer's device is called in IPv6 routes: fe80:: and its MAC. Not the subnet's first address, as in IPv4: the kernel rejects a gateway that
 * any route leads to by another device, the very route that this one replaces among them.
 */
export function vtepGateway(mac: string): Packed {
  return `fe80${'0'.repeat(16)}${mac}`
}
