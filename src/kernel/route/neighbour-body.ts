// Permanent neighbours and VXLAN forwarding entries by the thousand, as bodies (../netlink/hex.ts), in the order in which the kernel dumps them.

import { AF_BRIDGE, AF_INET, AF_INET6 } from '../../host/socket.ts'
import { formatMac } from '../../net/mac.ts'
import { formatPacked, type Packed, unpackBytes } from '../../net/packed.ts'
import { type BodyRequest, dumpBodies } from '../netlink/bulk.ts'
import { NLM_F_CREATE, NLM_F_REPLACE } from '../netlink/constants.ts'
import { type Body, hex8, hex16, hex32, hexAttribute, readHexAttributes } from '../netlink/hex.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import {
  NDA_DST,
  NDA_IFINDEX,
  NDA_LLADDR,
  NTF_SELF,
  NUD_PERMANENT,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  RTN_UNICAST,
} from './constants.ts'

/** Where the attributes begin, behind ndmsg. */
const ATTRIBUTES = 24
/** Bytes of ndmsg, of a MAC's attribute with its padding, and of an address's. */
const NDMSG = 12
const MAC_LENGTH = 12
const ADDRESS_LENGTH = { 4: 8, 6: 20 } as const

/** `ip neigh … ADDRESS lladdr MAC dev #INDEX nud permanent`, the body of it; `mac` is twelve digits. */
export function neighbourBody(family: 4 | 6, ifindex: number): (address: Packed, mac: string) => Body {
  const start = ndmsg(family === 4 ? AF_INET : AF_INET6, ifindex, 0) + addressHeader(NDA_DST, family)
  return (address, mac) => start + address + MAC_HEADER + mac + MAC_PADDING
}

/** `bridge fdb … MAC dev #INDEX dst REMOTE self permanent`, the body of it. */
export function forwardingBody(underlay: 4 | 6, ifindex: number): (mac: string, remote: Packed) => Body {
  const start = ndmsg(AF_BRIDGE, ifindex, NTF_SELF) + MAC_HEADER
  const between = MAC_PADDING + addressHeader(NDA_DST, underlay)
  return (mac, remote) => start + mac + between + remote
}

/** `ip neigh replace …`, `bridge fdb replace …` */
export function putNeighbour(body: Body): BodyRequest {
  return { type: RTM_NEWNEIGH, flags: NLM_F_CREATE | NLM_F_REPLACE, body }
}

/** `ip neigh del …`, `bridge fdb del …` */
export function deleteNeighbour(body: Body): BodyRequest {
  return { type: RTM_DELNEIGH, flags: 0, body }
}

/** `ip neigh show dev #INDEX nud permanent` of one family. */
export function dumpNeighbours(socket: NetlinkSocket, family: 4 | 6, ifindex: number): Body[] {
  return dumpOf(socket, ndmsg(family === 4 ? AF_INET : AF_INET6, ifindex, 0), ifindex, family)
}

/** `bridge fdb show dev #INDEX`, the permanent ones; `underlay` is the family of the remote ends. */
export function dumpForwarding(socket: NetlinkSocket, underlay: 4 | 6, ifindex: number): Body[] {
  return dumpOf(socket, ndmsg(AF_BRIDGE, ifindex, NTF_SELF), ifindex, underlay)
}

/** A neighbour, or a forwarding entry: its MAC leads to the address. */
export interface NeighbourText {
  readonly isForwarding: boolean
  readonly address: Packed | undefined
  /** Twelve digits, '' where it has none. */
  readonly mac: string
}

export function readNeighbour(body: Body): NeighbourText {
  const attributes = readHexAttributes(body, ATTRIBUTES)
  return {
    isForwarding: body.startsWith(hex8(AF_BRIDGE)),
    address: attributes?.get(NDA_DST),
    mac: attributes?.get(NDA_LLADDR) ?? '',
  }
}

/** What two neighbours, or two forwarding entries, cannot both have: the address, or the MAC. */
export function neighbourKey(body: Body): string {
  const { isForwarding, address, mac } = readNeighbour(body)
  return (isForwarding ? mac || undefined : address) ?? body
}

/** `10.1.2.0 lladdr 0e:00:c0:a8:00:02`, or `0e:00:c0:a8:00:02 dst 192.168.0.2` */
export function describeNeighbourBody(body: Body): string {
  const { isForwarding, address, mac } = readNeighbour(body)
  const lladdr = formatMac(unpackBytes(mac))
  const dst = address === undefined ? '' : formatPacked(address)
  return isForwarding ? `${lladdr} dst ${dst}` : `${dst} lladdr ${lladdr}`
}

function dumpOf(socket: NetlinkSocket, own: string, ifindex: number, family: 4 | 6): Body[] {
  const filter = `${own.slice(0, 2)}${'0'.repeat(22)}${hexAttribute(NDA_IFINDEX, hex32(ifindex))}`
  const bodies = dumpBodies(socket, 'list neighbours', RTM_GETNEIGH, filter, NDMSG + MAC_LENGTH + ADDRESS_LENGTH[family])
  // Others are the kernel's: what it resolves itself, groups that the device is in.
  return bodies.filter((body) => body.startsWith(own))
}

const MAC_HEADER = hexAttribute(NDA_LLADDR, '000000000000').slice(0, 8)
const MAC_PADDING = '0000'

/** An address's attribute is this and the address. */
function addressHeader(type: number, family: 4 | 6): string {
  return hexAttribute(type, '00'.repeat(family === 4 ? 4 : 16)).slice(0, 8)
}

/** linux/neighbour.h: ndmsg. */
function ndmsg(family: number, ifindex: number, flags: number): string {
  // __u8 ndm_family; __u8 ndm_pad1; __u16 ndm_pad2; __s32 ndm_ifindex; __u16 ndm_state; __u8 ndm_flags; __u8 ndm_type;
  return `${hex8(family)}000000${hex32(ifindex)}${hex16(NUD_PERMANENT)}${hex8(flags)}${hex8(RTN_UNICAST)}`
}
