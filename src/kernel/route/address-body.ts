// The addresses of all devices, as bodies (../netlink/hex.ts).

import type { Packed } from '../../net/packed.ts'
import { dumpBodies } from '../netlink/bulk.ts'
import { type Body, readHex32, readHexAttributes } from '../netlink/hex.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import { IFA_ADDRESS, IFA_LOCAL, RTM_GETADDR } from './constants.ts'

export interface AddressText {
  readonly ifindex: number
  /** RT_SCOPE_* */
  readonly scope: number
  readonly address: Packed
  /** What `length` belongs to: of a point-to-point link the far end. */
  readonly far: Packed
  readonly length: number
}

/** `ip address show`; what has no address is left out. */
export function dumpAddresses(socket: NetlinkSocket): AddressText[] {
  const bodies = dumpBodies(socket, 'list addresses', RTM_GETADDR, IFADDRMSG)
  return bodies.flatMap((body) => readAddress(body) ?? [])
}

/** Undefined where the body has no address. */
export function readAddress(body: Body): AddressText | undefined {
  // __u8 ifa_family; __u8 ifa_prefixlen; __u8 ifa_flags; __u8 ifa_scope; __u32 ifa_index;
  const attributes = readHexAttributes(body, IFADDRMSG.length)
  const far = attributes?.get(IFA_ADDRESS)
  const address = attributes?.get(IFA_LOCAL) ?? far
  if (address === undefined) return undefined
  const number = (at: number) => Number.parseInt(body.slice(at, at + 2), 16)
  return { ifindex: readHex32(body, 8), scope: number(6), address, far: far ?? address, length: number(2) }
}

/** linux/if_addr.h: ifaddrmsg, of every family and device. */
const IFADDRMSG = '0'.repeat(16)
