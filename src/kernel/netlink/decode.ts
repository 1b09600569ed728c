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

/** What all windows on the same bytes share. */
interface Shared {
  readonly buffer: ArrayBuffer
  readonly data: DataView
  /** 16 bits each, in the machine's order; one more byte at an odd end is out of reach, and no attribute can lie there. */
  readonly words: Uint16Array
}

/** Texts (ASCII), or bytes of any kind as hex digits: one of them is enough. */
export type Filter = readonly string[] | { readonly hex: readonly string[] }

/** A window on received bytes with readers by width and order. */
export class View {
  readonly start: number
  readonly length: number
  private readonly shared: Shared

  constructor(shared: Shared, start: number, length: number) {
    this.shared = shared
    this.start = start
    this.length = length
  }

  u8(at = 0): number {
    return this.shared.data.getUint8(this.checked(at, 1))
  }

  u16(at = 0): number {
    return this.shared.data.getUint16(this.checked(at, 2), true)
  }

  u32(at = 0): number {
    return this.shared.data.getUint32(this.checked(at, 4), true)
  }

  i32(at = 0): number {
    return this.shared.data.getInt32(this.checked(at, 4), true)
  }

  be32(at = 0): number {
    return this.shared.data.getUint32(this.checked(at, 4), false)
  }

  /** Exact up to 2^53, which no handle of the kernel reaches. */
  be64(at = 0): number {
    return this.be32(at) * 2 ** 32 + this.be32(at + 4)
  }

  bytes(at = 0, length = this.length - at): Uint8Array {
    const start = this.checked(at, length)
    return new Uint8Array(this.shared.buffer.slice(start, start + length))
  }

  /** False only where none of what is filter stands in it: a test that saves looking closer. */
  contains(filter: Filter): boolean {
    if ('hex' in filter) {
      const digits = sys.hex(this.shared.buffer, this.start, this.length)
      return filter.hex.some((bytes) => digits.includes(bytes))
    }
    const bytes = sys.decodeUtf8(this.shared.buffer, this.start, this.length)
    // QuickJS takes a byte that begins no character and the next one together for one U+FFFD: a text's first character may be lost to a length before it.
    return filter.some((text) => bytes.includes(text.slice(1)))
  }

  /** Text up to the first NUL. */
  text(): string {
    const text = sys.decodeUtf8(this.shared.buffer, this.start, this.length)
    const end = text.indexOf('\0')
    return end < 0 ? text : text.slice(0, end)
  }

  sub(at: number, length = this.length - at): View {
    return new View(this.shared, this.checked(at, length), length)
  }

  /** The attributes from `at` on, by type; of a repeated one the last, as the kernel's own parser keeps it. */
  attributes(at = 0): Attributes {
    const { types, offsets } = this.places(at)
    return {
      get: (type) => {
        const offset = offsets[types.lastIndexOf(type)]
        return offset === undefined ? undefined : this.attribute(offset)
      },
    }
  }

  /** The attributes from `at` on in their order, for lists whose elements share one type. */
  list(at = 0): (readonly [type: number, value: View])[] {
    const { types, offsets } = this.places(at)
    return types.map((type, i) => [type, this.attribute(offsets[i] ?? 0)])
  }

  /** Which attributes there are, and where. A link has some sixty, of which a few are looked at: none is given a window of its own here. */
  private places(at: number): { types: number[]; offsets: number[] } {
    const { start, length, shared } = this
    const types: number[] = []
    const offsets: number[] = []
    // Messages and attributes begin at multiples of four (NLMSG_ALIGNTO, NLA_ALIGNTO).
    for (let offset = at; offset + NLA_HDRLEN <= length; ) {
      const word = (start + offset) >> 1
      const size = shared.words[word] ?? 0
      if (size < NLA_HDRLEN || offset + size > length) {
        throw new RangeError(`netlink attribute at ${offset} claims ${size} bytes, ${NLA_HDRLEN} to ${length - offset} are possible`)
      }
      types[types.length] = (shared.words[word + 1] ?? 0) & NLA_TYPE_MASK
      offsets[offsets.length] = offset
      offset += (size + 3) & ~3
    }
    return { types, offsets }
  }

  private attribute(offset: number): View {
    return this.sub(offset + NLA_HDRLEN, this.u16(offset) - NLA_HDRLEN)
  }

  /** Where in the buffer that is. */
  private checked(at: number, length: number): number {
    if (at < 0 || length < 0 || at + length > this.length) {
      throw new RangeError(`netlink message ends early: ${length} bytes wanted at ${at} of ${this.length}`)
    }
    return this.start + at
  }
}

/** The whole of `buffer`, or a part of it from a multiple of four on. */
export function viewOf(buffer: ArrayBuffer, start = 0, length = buffer.byteLength - start): View {
  return new View({ buffer, data: new DataView(buffer), words: new Uint16Array(buffer, 0, buffer.byteLength >> 1) }, start, length)
}

/**
 * Splits a datagram into its messages (linux/netlink.h: nlmsghdr). With `containing`, only those in which something of it occurs, and what
 * reports of the dump itself: searching for a text costs a twentieth of taking the message apart, and dumps can be long.
 */
export function decodeMessages(datagram: ArrayBuffer, containing?: Filter): Received[] {
  const view = viewOf(datagram)
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
