// DHCP messages (RFC 2131 section 2, options RFC 2132).

import { sys } from '../../../host/sys.ts'
import { be16, be32, concat } from '../../../kernel/netlink/encode.ts'
import type { Mac } from '../../../net/mac.ts'

export const DHCPDISCOVER = 1
export const DHCPOFFER = 2
export const DHCPREQUEST = 3
export const DHCPACK = 5
export const DHCPNAK = 6
export const DHCPRELEASE = 7

export const OPTION_SUBNET_MASK = 1
export const OPTION_ROUTER = 3
export const OPTION_NAME_SERVERS = 6
export const OPTION_HOST_NAME = 12
export const OPTION_DOMAIN_NAME = 15
export const OPTION_STATIC_ROUTES = 33
export const OPTION_REQUESTED_ADDRESS = 50
export const OPTION_LEASE_TIME = 51
export const OPTION_MESSAGE_TYPE = 53
export const OPTION_SERVER = 54
export const OPTION_PARAMETERS = 55
export const OPTION_MESSAGE = 56
export const OPTION_MAX_SIZE = 57
export const OPTION_RENEWAL_TIME = 58
export const OPTION_REBINDING_TIME = 59
export const OPTION_VENDOR_CLASS = 60
export const OPTION_CLIENT_ID = 61
export const OPTION_USER_CLASS = 77
export const OPTION_CLASSLESS_ROUTES = 121
const OPTION_PAD = 0
const OPTION_END = 255

export type Option = readonly [code: number, value: Uint8Array]
/** Code → value. */
export type Options = ReadonlyMap<number, Uint8Array>

export interface DhcpMessage {
  /** Identifies an exchange on the wire. */
  readonly xid: number
  /** Since the client began. */
  readonly seconds: number
  /** The answer must be a broadcast. */
  readonly broadcast: boolean
  /** The client's address where it may be answered there, four bytes; zero otherwise. */
  readonly ciaddr: Uint8Array
  /** The address that the server gives. */
  readonly yiaddr: Uint8Array
  readonly chaddr: Mac
  readonly options: Options
}

export const NO_ADDRESS = new Uint8Array(4)

const BOOTREQUEST = 1
const BOOTREPLY = 2
const ETHERNET = 1
const BROADCAST = 0x8000
const COOKIE = [0x63, 0x82, 0x53, 0x63]
const HEADER = 236
/** Old servers and relays drop what is shorter (RFC 1542 section 2.1). */
const MIN_LENGTH = 300

/** A client's message. An option of more than 255 bytes is cut. */
export function encodeDhcp({ xid, seconds, broadcast, ciaddr, chaddr, options }: DhcpMessage): Uint8Array {
  const header = new Uint8Array(HEADER)
  // op, htype, hlen, hops; xid; secs, flags; ciaddr, yiaddr, siaddr, giaddr; chaddr[16], sname[64], file[128]
  header.set([BOOTREQUEST, ETHERNET, chaddr.length, 0])
  header.set(be32(xid), 4)
  header.set(be16(Math.min(seconds, 0xffff)), 8)
  header.set(be16(broadcast ? BROADCAST : 0), 10)
  header.set(ciaddr, 12)
  header.set(chaddr, 28)
  const encoded = [...options].map(([code, value]) => concat([Uint8Array.of(code, Math.min(value.length, 255)), value.slice(0, 255)]))
  const message = concat([header, Uint8Array.from(COOKIE), ...encoded, Uint8Array.of(OPTION_END)])
  return message.length < MIN_LENGTH ? concat([message, new Uint8Array(MIN_LENGTH - message.length)]) : message
}

/** A server's message; undefined for what is not one, or truncated. */
export function decodeDhcp(bytes: Uint8Array): DhcpMessage | undefined {
  if (bytes.length < HEADER + COOKIE.length || bytes[0] !== BOOTREPLY || bytes[1] !== ETHERNET || bytes[2] !== 6) return undefined
  if (!COOKIE.every((byte, i) => bytes[HEADER + i] === byte)) return undefined
  const options = decodeOptions(bytes.subarray(HEADER + COOKIE.length))
  return (
    options && {
      xid: readBe32(bytes, 4),
      seconds: ((bytes[8] ?? 0) << 8) | (bytes[9] ?? 0),
      broadcast: ((bytes[10] ?? 0) & 0x80) !== 0,
      ciaddr: bytes.slice(12, 16),
      yiaddr: bytes.slice(16, 20),
      chaddr: bytes.slice(28, 34),
      options,
    }
  )
}

/** DHCPOFFER, DHCPACK…; 0 where the option is missing. */
export function messageType({ options }: DhcpMessage): number {
  return options.get(OPTION_MESSAGE_TYPE)?.[0] ?? 0
}

/** Seconds; undefined where the option is missing or truncated. */
export function secondsOption(options: Options, code: number): number | undefined {
  const value = options.get(code)
  return value && value.length >= 4 ? readBe32(value, 0) : undefined
}

export function textOption(options: Options, code: number): string {
  const value = options.get(code)
  return value ? sys.decodeUtf8(value.slice().buffer, 0, value.length).replaceAll('\0', '') : ''
}

/** An option that occurs more than once is one long option (RFC 3396). */
function decodeOptions(bytes: Uint8Array): Options | undefined {
  const options = new Map<number, Uint8Array>()
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at++] ?? OPTION_END
    if (code === OPTION_END) break
    if (code === OPTION_PAD) continue
    const length = bytes[at++]
    if (length === undefined || at + length > bytes.length) return undefined
    const value = bytes.slice(at, at + length)
    const before = options.get(code)
    options.set(code, before ? concat([before, value]) : value)
    at += length
  }
  return options
}

function readBe32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0)
}
