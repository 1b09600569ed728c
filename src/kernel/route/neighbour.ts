// Neighbour entries (ARP, NDP) and forwarding entries of a bridge or VXLAN device.

import { type Address, formatAddress } from '../../net/address.ts'
import { formatMac, type Mac } from '../../net/mac.ts'
import type { Received } from '../netlink/decode.ts'
import { type Attribute, u16, u32 } from '../netlink/encode.ts'
import { dump, type NetlinkSocket, NLM_F_CREATE, NLM_F_REPLACE } from '../netlink/socket.ts'
import { AF_BRIDGE, NDA_DST, NDA_LLADDR, NTF_SELF, NUD_PERMANENT, RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from './constants.ts'
import { addressFamily, type Request } from './request.ts'

/** `state` is NUD_*. Of a forwarding entry `address` is the remote VTEP. */
export interface Neighbour {
  readonly ifindex: number
  readonly mac: Mac
  readonly address?: Address | undefined
  readonly state: number
}

/** `ip neigh replace ADDRESS lladdr MAC dev #INDEX nud permanent` */
export function replaceNeighbour(ifindex: number, address: Address, mac: Mac): Request {
  const op = `set neighbour ${formatAddress(address)} ${formatMac(mac)}`
  return neighbourRequest(op, RTM_NEWNEIGH, addressFamily(address), 0, ifindex, [
    [NDA_DST, address.bytes],
    [NDA_LLADDR, mac],
  ])
}

/** `ip neigh del ADDRESS dev #INDEX` */
export function deleteNeighbour(ifindex: number, address: Address): Request {
  const op = `delete neighbour ${formatAddress(address)}`
  return neighbourRequest(op, RTM_DELNEIGH, addressFamily(address), 0, ifindex, [[NDA_DST, address.bytes]])
}

/** `bridge fdb replace MAC dev #INDEX dst REMOTE self permanent` */
export function replaceForwarding(ifindex: number, mac: Mac, remote: Address): Request {
  const op = `set forwarding of ${formatMac(mac)} to ${formatAddress(remote)}`
  return neighbourRequest(op, RTM_NEWNEIGH, AF_BRIDGE, NTF_SELF, ifindex, [
    [NDA_LLADDR, mac],
    [NDA_DST, remote.bytes],
  ])
}

/** `bridge fdb del MAC dev #INDEX dst REMOTE self` */
export function deleteForwarding(ifindex: number, mac: Mac, remote: Address): Request {
  const op = `delete forwarding of ${formatMac(mac)} to ${formatAddress(remote)}`
  return neighbourRequest(op, RTM_DELNEIGH, AF_BRIDGE, NTF_SELF, ifindex, [
    [NDA_LLADDR, mac],
    [NDA_DST, remote.bytes],
  ])
}

/** `ip neigh show dev #INDEX` (AF_INET, AF_INET6) or `bridge fdb show dev #INDEX` (AF_BRIDGE). */
export function listNeighbours(socket: NetlinkSocket, family: number, ifindex: number): Neighbour[] {
  const received = dump(socket, { op: 'list neighbours', type: RTM_GETNEIGH, flags: 0, body: ndmsg(family, 0, 0, 0), attributes: [] })
  return received.map(decodeNeighbour).filter((neighbour) => neighbour.ifindex === ifindex)
}

function neighbourRequest(
  op: string,
  type: number,
  family: number,
  flags: number,
  ifindex: number,
  attributes: readonly Attribute[],
): Request {
  const create = type === RTM_NEWNEIGH ? NLM_F_CREATE | NLM_F_REPLACE : 0
  return { op, type, flags: create, body: ndmsg(family, ifindex, NUD_PERMANENT, flags), attributes }
}

/** linux/neighbour.h: ndmsg. */
function ndmsg(family: number, ifindex: number, state: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(12)
  // __u8 ndm_family; __u8 ndm_pad1; __u16 ndm_pad2; __s32 ndm_ifindex; __u16 ndm_state; __u8 ndm_flags; __u8 ndm_type;
  bytes[0] = family
  bytes.set(u32(ifindex), 4)
  bytes.set(u16(state), 8)
  bytes[10] = flags
  return bytes
}

function decodeNeighbour({ body }: Received): Neighbour {
  const attributes = body.attributes(12)
  const bytes = attributes.get(NDA_DST)?.bytes()
  return {
    ifindex: body.i32(4),
    mac: attributes.get(NDA_LLADDR)?.bytes() ?? new Uint8Array(0),
    address: bytes && { family: bytes.length === 4 ? 4 : 6, bytes },
    state: body.u16(8),
  }
}
