// Addresses of a device.

import { AF_INET, AF_INET6 } from '../../host/socket.ts'
import type { Address } from '../../net/address.ts'
import { type Cidr, formatCidr, lastAddress } from '../../net/cidr.ts'
import { linkLocal, type Mac } from '../../net/mac.ts'
import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/constants.ts'
import type { Received } from '../netlink/decode.ts'
import { type Attribute, u32 } from '../netlink/encode.ts'
import { dump, type NetlinkSocket } from '../netlink/socket.ts'
import {
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_F_DADFAILED,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_TENTATIVE,
  IFA_FLAGS,
  IFA_LOCAL,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from './constants.ts'
import { addressFamily, type Request } from './request.ts'

/** `flags` are IFA_F_*, `scope` RT_SCOPE_*. */
export interface LinkAddress {
  /** The device's. */
  readonly index: number
  readonly cidr: Cidr
  readonly flags: number
  readonly scope: number
}

/** Duplicate address detection has not ended: packets cannot come from the address yet. */
export function isTentative({ flags }: LinkAddress): boolean {
  return (flags & IFA_F_TENTATIVE) !== 0
}

/** Duplicate address detection found another host with the address. */
export function isDuplicate({ flags }: LinkAddress): boolean {
  return (flags & IFA_F_DADFAILED) !== 0
}

/** `ip address add CIDR dev #INDEX [nodad] [noprefixroute]`; IPv4 with the subnet's broadcast address, as `ip … brd +` has it. */
export function addAddress(index: number, cidr: Cidr, options: { nodad: boolean; prefixRoute?: boolean }): Request {
  const attributes: Attribute[] = [
    [IFA_LOCAL, cidr.address.bytes],
    [IFA_ADDRESS, cidr.address.bytes],
  ]
  if (cidr.address.family === 4 && cidr.length < 31) attributes.push([IFA_BROADCAST, lastAddress(cidr).bytes])
  const nodad = cidr.address.family === 6 && options.nodad ? IFA_F_NODAD : 0
  const flags = nodad | (options.prefixRoute === false ? IFA_F_NOPREFIXROUTE : 0)
  if (flags) attributes.push([IFA_FLAGS, u32(flags)])
  return {
    get op() {
      return `add address ${formatCidr(cidr)}`
    },
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: ifaddrmsg(index, cidr),
    attributes,
  }
}

/**
 * `ip address add fe80::…/64 dev #INDEX nodad`, before the kernel does: it solicits neighbours of forwarded packets from this address only, and its own
 * it leaves tentative for a second or two. EEXIST where the kernel was faster.
 */
export function addLinkLocal({ index, mac }: { readonly index: number; readonly mac: Mac }): Request {
  return addAddress(index, { address: linkLocal(mac), length: 64 }, { nodad: true })
}

/** `ip address del CIDR dev #INDEX` */
export function deleteAddress(index: number, cidr: Cidr): Request {
  return {
    op: `delete address ${formatCidr(cidr)}`,
    type: RTM_DELADDR,
    flags: 0,
    body: ifaddrmsg(index, cidr),
    attributes: [[IFA_LOCAL, cidr.address.bytes]],
  }
}

/** `ip address show dev #INDEX`, of every device without one */
export function listAddresses(socket: NetlinkSocket, index = 0): LinkAddress[] {
  const received = dump(socket, { op: 'list addresses', type: RTM_GETADDR, flags: 0, body: ifaddrmsg(index), attributes: [] })
  // A kernel without strict checking (before 4.20) ignores the index and sends them all.
  return received.filter(({ body }) => index === 0 || body.u32(4) === index).flatMap(decodeAddress)
}

/** linux/if_addr.h: ifaddrmsg. */
function ifaddrmsg(index: number, cidr?: Cidr): Uint8Array {
  const bytes = new Uint8Array(8)
  // __u8 ifa_family; __u8 ifa_prefixlen; __u8 ifa_flags; __u8 ifa_scope; __u32 ifa_index;
  bytes[0] = cidr ? addressFamily(cidr.address) : 0
  bytes[1] = cidr ? cidr.length : 0
  bytes.set(u32(index), 4)
  return bytes
}

function decodeAddress({ body }: Received): LinkAddress[] {
  const family = body.u8(0)
  const attributes = body.attributes(8)
  // IFA_ADDRESS is the far end on a point-to-point link; IFA_LOCAL, where present, is the device's own.
  const bytes = (attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS))?.bytes()
  if (!bytes || (family !== AF_INET && family !== AF_INET6)) return []
  const address: Address = { family: family === AF_INET ? 4 : 6, bytes }
  const flags = attributes.get(IFA_FLAGS)?.u32() ?? body.u8(2)
  return [{ index: body.u32(4), cidr: { address, length: body.u8(1) }, flags, scope: body.u8(3) }]
}
