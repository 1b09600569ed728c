// Messages as bytes. A message is a nested literal: fixed structure first, then attributes; lengths and padding are filled in here
// (linux/netlink.h: NLMSG_ALIGN, NLA_ALIGN are 4). Messages by the thousand are written as hex digits instead (hex.ts).

import { sys } from '../../host/sys.ts'
import { NLA_F_NESTED, NLA_HDRLEN } from './constants.ts'
import { NLMSG_HDRLEN, writeHeader } from './messages.ts'

/** An attribute: its type, then its value as bytes, or as attributes of its own (NLA_F_NESTED is added). */
export type Attribute = readonly [type: number, value: Uint8Array | readonly Attribute[]]

/** One message before it has a sequence number. */
export interface Message {
  readonly type: number
  readonly flags: number
  /** The family's fixed structure: ifinfomsg, rtmsg, nfgenmsg… */
  readonly body: Uint8Array
  readonly attributes: readonly Attribute[]
}

/** amd64 and arm64 are little-endian; netlink is host order, so this is a fact of the build target. */
const LITTLE = true

/** The message with its header (linux/netlink.h: nlmsghdr), padded to four bytes; `flags` are added to its own. */
export function encodeMessage(message: Message, sequence: number, flags = 0): Uint8Array {
  const length = NLMSG_HDRLEN + align(message.body.length) + attributesLength(message.attributes)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  writeHeader(new Uint32Array(bytes.buffer), 0, length, message.type, message.flags | flags, sequence)
  bytes.set(message.body, NLMSG_HDRLEN)
  writeAttributes(bytes, view, NLMSG_HDRLEN + align(message.body.length), message.attributes)
  return bytes
}

/** Attributes alone, as some payloads carry them (nftables' user data does not: see there). */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const bytes = new Uint8Array(attributesLength(attributes))
  writeAttributes(bytes, new DataView(bytes.buffer), 0, attributes)
  return bytes
}

/** Messages one behind the other, as one datagram. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value)
}

/** 16 bits in the machine's order; `be16` is the network's. */
export function u16(value: number): Uint8Array {
  return Uint8Array.of(value, value >> 8)
}

export function be16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value)
}

/** 32 bits in the machine's order; `be32` is the network's. */
export function u32(value: number): Uint8Array {
  return Uint8Array.of(value, value >> 8, value >> 16, value >> 24)
}

export function be32(value: number): Uint8Array {
  return Uint8Array.of(value >> 24, value >> 16, value >> 8, value)
}

export function be64(value: number): Uint8Array {
  return concat([be32(Math.floor(value / 2 ** 32)), be32(value)])
}

/** Text with the NUL that the kernel expects after it: names of devices, tables, chains. */
export function cstr(text: string): Uint8Array {
  return new Uint8Array(sys.encodeUtf8(`${text}\0`))
}

function align(length: number): number {
  return (length + 3) & ~3
}

function valueLength(value: Attribute[1]): number {
  return value instanceof Uint8Array ? value.length : attributesLength(value)
}

function attributesLength(attributes: readonly Attribute[]): number {
  let length = 0
  for (const attribute of attributes) length += NLA_HDRLEN + align(valueLength(attribute[1]))
  return length
}

/** linux/netlink.h: nlattr {__u16 nla_len; __u16 nla_type;}, the length without the padding. Returns the offset behind the last one. */
function writeAttributes(bytes: Uint8Array, view: DataView, start: number, attributes: readonly Attribute[]): number {
  let offset = start
  // Taken apart by index: a pattern would make an iterator for each.
  for (const attribute of attributes) {
    const type = attribute[0]
    const value = attribute[1]
    const body = offset + NLA_HDRLEN
    let end: number
    if (value instanceof Uint8Array) {
      bytes.set(value, body)
      view.setUint16(offset + 2, type, LITTLE)
      end = body + value.length
    } else {
      view.setUint16(offset + 2, type | NLA_F_NESTED, LITTLE)
      end = writeAttributes(bytes, view, body, value)
    }
    if (end - offset > 0xffff) throw new RangeError(`netlink attribute ${type} is ${end - offset} bytes long, 65535 is the limit`)
    view.setUint16(offset, end - offset, LITTLE)
    offset = align(end)
  }
  return offset
}
