// Ethernet frames with UDP over IPv4, made and read by hand: an interface without an address has no sockets.

import { be16, concat } from '../../../kernel/netlink/encode.ts'
import type { Mac } from '../../../net/mac.ts'

/** Where a datagram comes from or goes to: an IPv4 address, four bytes, and a MAC. */
export interface Endpoint {
  readonly address: Uint8Array
  readonly mac: Mac
}

export const BROADCAST: Endpoint = { address: Uint8Array.of(255, 255, 255, 255), mac: Uint8Array.of(255, 255, 255, 255, 255, 255) }

/** linux/if_ether.h, in the wire's order */
export const ETH_P_IP = 0x0800
const IPPROTO_UDP = 17
const SERVER_PORT = 67
const CLIENT_PORT = 68
const ETHERNET = 14
const IP = 20
const UDP = 8

/** A DHCP client's datagram. */
export function encodeFrame(from: Endpoint, to: Endpoint, payload: Uint8Array): Uint8Array {
  const udpLength = UDP + payload.length
  const pseudo = concat([from.address, to.address, Uint8Array.of(0, IPPROTO_UDP), be16(udpLength)])
  const ports = concat([be16(CLIENT_PORT), be16(SERVER_PORT), be16(udpLength)])
  // Zero means no checksum (RFC 768).
  const udpSum = checksum(concat([pseudo, ports, payload])) || 0xffff
  const start = Uint8Array.of(0x45, 0, ...be16(IP + udpLength), 0, 0, 0, 0, 64, IPPROTO_UDP)
  const ipSum = checksum(concat([start, from.address, to.address]))
  return concat([to.mac, from.mac, be16(ETH_P_IP), start, be16(ipSum), from.address, to.address, ports, be16(udpSum), payload])
}

/**
 * What a DHCP server sent; undefined for every other frame. The UDP checksum is not verified: on a virtual wire it may not have been computed,
 * and the xid and the client's MAC have to match anyway.
 */
export function decodeFrame(frame: Uint8Array): { readonly from: Endpoint; readonly payload: Uint8Array } | undefined {
  if (frame.length < ETHERNET + IP + UDP || read16(frame, 12) !== ETH_P_IP) return undefined
  const ip = frame.subarray(ETHERNET)
  const header = ((ip[0] ?? 0) & 15) * 4
  const fragment = read16(ip, 6) & 0x3fff
  if ((ip[0] ?? 0) >> 4 !== 4 || header < IP || ip[9] !== IPPROTO_UDP || fragment !== 0) return undefined
  const udp = ip.subarray(header)
  const length = read16(udp, 4)
  if (udp.length < UDP || length < UDP || length > udp.length || checksum(ip.subarray(0, header)) !== 0) return undefined
  if (read16(udp, 0) !== SERVER_PORT || read16(udp, 2) !== CLIENT_PORT) return undefined
  return { from: { address: ip.slice(12, 16), mac: frame.slice(6, 12) }, payload: udp.subarray(UDP, length) }
}

/** RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}

function read16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}
