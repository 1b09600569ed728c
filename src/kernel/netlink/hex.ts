// Bodies of messages as hex digits, two for each byte: for objects by the thousand. What a node wants and what the kernel dumps compare
// as text then, and no object is made of either (docs/decisions/0007-two-netlink-codecs.md has the figures). Objects by the dozen are in
// encode.ts and decode.ts.
//
// A body begins with the fixed structure of its family; attributes follow, each padded to four bytes. `ip route add 10.1.2.0/24 …`:
//
//   02180000 fe9d0001 00000000   rtmsg: family 2, prefix length 0x18, …
//   0800 0f00 fe000000           length 8, type 15 (RTA_TABLE), value 254
//   0800 0100 0a010200           length 8, type 1 (RTA_DST), value 10.1.2.0
//
// Numbers are in the machine's order (0f00 is 15), addresses in the network's.

import { NLA_HDRLEN, NLA_TYPE_MASK } from './constants.ts'

/** Hex digits: the family's fixed structure, then the attributes. */
export type Body = string

/** 16 bits in the machine's order. */
export function hex16(value: number): string {
  return hex8(value & 0xff) + hex8(value >> 8)
}

/** 32 bits in the machine's order. */
export function hex32(value: number): string {
  return hex8(value & 0xff) + hex8((value >>> 8) & 0xff) + hex8((value >>> 16) & 0xff) + hex8(value >>> 24)
}

export function hex8(value: number): string {
  return value < 16 ? `0${value.toString(16)}` : value.toString(16)
}

/** What stands for `hex32` in a body at a digit's place. */
export function readHex32(body: Body, at: number): number {
  const digits = (i: number) => body.slice(at + i, at + i + 2)
  return Number.parseInt(digits(6) + digits(4) + digits(2) + digits(0), 16)
}

/** An attribute whose value is `digits`, padded to four bytes (linux/netlink.h: nlattr). */
export function hexAttribute(type: number, digits: string): string {
  const padding = -(digits.length / 2) & 3
  return hex16(NLA_HDRLEN + digits.length / 2) + hex16(type) + digits + '00'.repeat(padding)
}

/** The attributes of a body from a digit's place on, by type; undefined where they are not laid out as attributes are. */
export function readHexAttributes(body: Body, at: number): Map<number, string> | undefined {
  const attributes = new Map<number, string>()
  for (let offset = at; offset + 8 <= body.length; ) {
    const header = readHex32(body, offset)
    const size = (header & 0xffff) * 2
    if (size < 8 || offset + size > body.length) return undefined
    attributes.set((header >>> 16) & NLA_TYPE_MASK, body.slice(offset + 8, offset + size))
    offset += (size + 7) & ~7
  }
  return attributes
}
