// The one decoder of netlink messages. Every length is checked against what was received: a short one throws, an unknown attribute is skipped.

import { sys } from '../../host/sys.ts'

/** A received message: its header, and where its body lies in the datagram. */
export interface Received {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly body: View
}

const NLMSG_HDRLEN = 16
const NLMSG_MIN_TYPE = 0x10
const NLA_HDRLEN = 4
export const NLM_F_DUMP_INTR = 0x10
const NLA_TYPE_MASK = 0x3fff

/** The attributes of a message or of a nested one. */
export interface Attributes {
  get(type: number): View | undefined
}

/** A window on received bytes with readers by width and order. */
export class View {
  readonly buffer: ArrayBuffer
  readonly start: number
  readonly length: number
  private readonly data: DataView

  constructor(buffer: ArrayBuffer, start = 0, length = buffer.byteLength - start, data: DataView = new DataView(buffer)) {
    this.buffer = buffer
    this.start = start
    this.length = length
    this.data = data
  }

  u8(at = 0): number {
    return this.data.getUint8(this.checked(at, 1))
  }

  u16(at = 0): number {
    return this.data.getUint16(this.checked(at, 2), true)
  }

  u32(at = 0): number {
    return this.data.getUint32(this.checked(at, 4), true)
  }

  i32(at = 0): number {
    return this.data.getInt32(this.checked(at, 4), true)
  }

  be32(at = 0): number {
    return this.data.getUint32(this.checked(at, 4), false)
  }

  /** Exact up to 2^53, which no handle of the kernel reaches. */
  be64(at = 0): number {
    return this.be32(at) * 2 ** 32 + this.be32(at + 4)
  }

  bytes(at = 0, length = this.length - at): Uint8Array {
    const start = this.checked(at, length)
    return new Uint8Array(this.buffer.slice(start, start + length))
  }

  /** True where one of the texts (ASCII) stands anywhere in it. */
  contains(texts: readonly string[]): boolean {
    const bytes = sys.decodeUtf8(this.buffer, this.start, this.length)
    return texts.some((text) => bytes.includes(text))
  }

  /** Text up to the first NUL. */
  text(): string {
    let length = 0
    while (length < this.length && this.data.getUint8(this.start + length) !== 0) length++
    return sys.decodeUtf8(this.buffer, this.start, length)
  }

  sub(at: number, length = this.length - at): View {
    return new View(this.buffer, this.checked(at, length), length, this.data)
  }

  /** The attributes from `at` on, by type; of a repeated one the last, as the kernel's own parser keeps it. */
  attributes(at = 0): Attributes {
    const places = new Map<number, number>()
    this.walk(at, (type, offset) => places.set(type, offset))
    return { get: (type) => this.attribute(places.get(type)) }
  }

  /** The attributes from `at` on in their order, for lists whose elements share one type. */
  list(at = 0): (readonly [type: number, value: View])[] {
    const found: (readonly [number, View])[] = []
    this.walk(at, (type, offset) => found.push([type, this.sub(offset + NLA_HDRLEN, this.u16(offset) - NLA_HDRLEN)]))
    return found
  }

  /** Visits every attribute. A link has some sixty, of which a few are looked at: none is given a window of its own here. */
  private walk(at: number, visit: (type: number, offset: number) => void): void {
    const { start, length, data } = this
    let offset = at
    while (offset + NLA_HDRLEN <= length) {
      const size = data.getUint16(start + offset, true)
      if (size < NLA_HDRLEN) throw new RangeError(`netlink attribute at ${offset} claims ${size} bytes, fewer than its header`)
      if (offset + size > length) throw new RangeError(`netlink attribute at ${offset} claims ${size} of ${length - offset} bytes`)
      visit(data.getUint16(start + offset + 2, true) & NLA_TYPE_MASK, offset)
      offset += (size + 3) & ~3
    }
  }

  private attribute(offset: number | undefined): View | undefined {
    return offset === undefined ? undefined : this.sub(offset + NLA_HDRLEN, this.u16(offset) - NLA_HDRLEN)
  }

  /** Where in the buffer that is. */
  private checked(at: number, length: number): number {
    if (at < 0 || length < 0 || at + length > this.length) {
      throw new RangeError(`netlink message ends early: ${length} bytes wanted at ${at} of ${this.length}`)
    }
    return this.start + at
  }
}

/**
 * Splits a datagram into its messages (linux/netlink.h: nlmsghdr). With `containing`, only those in which one of the texts occurs, and what
 * tells of the dump itself: looking for a text costs a twentieth of taking the message apart, and dumps can be long.
 */
export function decodeMessages(datagram: ArrayBuffer, containing?: readonly string[]): Received[] {
  const view = new View(datagram)
  const messages: Received[] = []
  let offset = 0
  while (offset + NLMSG_HDRLEN <= view.length) {
    const length = view.u32(offset)
    if (length < NLMSG_HDRLEN) throw new RangeError(`netlink message at ${offset} claims ${length} bytes, fewer than its header`)
    const type = view.u16(offset + 4)
    const flags = view.u16(offset + 6)
    const body = view.sub(offset + NLMSG_HDRLEN, length - NLMSG_HDRLEN)
    if (!containing || type < NLMSG_MIN_TYPE || flags & NLM_F_DUMP_INTR || body.contains(containing)) {
      messages.push({ type, flags, sequence: view.u32(offset + 8), body })
    }
    offset += (length + 3) & ~3
  }
  return messages
}
