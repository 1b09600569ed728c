// Bodies and attributes of received messages, read in place. Every length is checked against what was received: a short one throws,
// an unknown attribute is skipped. Messages by the thousand are read as hex digits instead (hex.ts).

import { sys } from '../../host/sys.ts'
import { NLA_HDRLEN, NLA_TYPE_MASK } from './constants.ts'

/** A received message: what its header has, and its body. */
export interface Received {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  /** The sender's; 0 for the kernel. */
  readonly port: number
  readonly body: View
}

/** The attributes of a message or of a nested one. */
export interface Attributes {
  get(type: number): View | undefined
}

/** Received bytes, with the readers that all views of them share. */
export interface Bytes {
  readonly buffer: ArrayBuffer
  readonly data: DataView
  /** 16 bits each, in the machine's order; one more byte at an odd end is out of reach, and no attribute can lie there. */
  readonly words: Uint16Array
}

/** Texts (ASCII), or bytes of any kind as hex digits: one of them is enough. */
export type Filter = readonly string[] | { readonly hex: readonly string[] }

/** A part of received bytes, with readers by width and order. */
export class View {
  readonly start: number
  readonly length: number
  private readonly source: Bytes

  constructor(source: Bytes, start: number, length: number) {
    this.source = source
    this.start = start
    this.length = length
  }

  u8(at = 0): number {
    return this.source.data.getUint8(this.checked(at, 1))
  }

  u16(at = 0): number {
    return this.source.data.getUint16(this.checked(at, 2), true)
  }

  u32(at = 0): number {
    return this.source.data.getUint32(this.checked(at, 4), true)
  }

  i32(at = 0): number {
    return this.source.data.getInt32(this.checked(at, 4), true)
  }

  be32(at = 0): number {
    return this.source.data.getUint32(this.checked(at, 4), false)
  }

  /** Exact up to 2^53, which no handle of the kernel reaches. */
  be64(at = 0): number {
    return this.be32(at) * 2 ** 32 + this.be32(at + 4)
  }

  bytes(at = 0, length = this.length - at): Uint8Array {
    const start = this.checked(at, length)
    return new Uint8Array(this.source.buffer.slice(start, start + length))
  }

  /** The first `max` bytes as hex digits. */
  hex(max = this.length): string {
    return sys.hex(this.source.buffer, this.start, Math.min(max, this.length))
  }

  /** False only where nothing of the filter occurs in it: a cheap test before attributes are read. */
  contains(filter: Filter): boolean {
    if ('hex' in filter) {
      const digits = this.hex()
      return filter.hex.some((bytes) => digits.includes(bytes))
    }
    const bytes = sys.decodeUtf8(this.source.buffer, this.start, this.length)
    // QuickJS takes a byte that begins no character and the next one together for one U+FFFD: a text's first character may be lost to a length before it.
    return filter.some((text) => bytes.includes(text.slice(1)))
  }

  /** Text up to the first NUL. */
  text(): string {
    const text = sys.decodeUtf8(this.source.buffer, this.start, this.length)
    const end = text.indexOf('\0')
    return end < 0 ? text : text.slice(0, end)
  }

  sub(at: number, length = this.length - at): View {
    return new View(this.source, this.checked(at, length), length)
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

  /** Which attributes there are, and where. A link has some sixty, of which a few are read: none is given a view of its own here. */
  private places(at: number): { types: number[]; offsets: number[] } {
    const { start, length, source } = this
    const types: number[] = []
    const offsets: number[] = []
    // Messages and attributes begin at multiples of four (NLMSG_ALIGNTO, NLA_ALIGNTO).
    for (let offset = at; offset + NLA_HDRLEN <= length; ) {
      const word = (start + offset) >> 1
      const size = source.words[word] ?? 0
      if (size < NLA_HDRLEN || offset + size > length) {
        throw new RangeError(`netlink attribute at ${offset} claims ${size} bytes, ${NLA_HDRLEN} to ${length - offset} are possible`)
      }
      types[types.length] = (source.words[word + 1] ?? 0) & NLA_TYPE_MASK
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
  return new View(bytesOf(buffer), start, length)
}

export function bytesOf(buffer: ArrayBuffer): Bytes {
  return { buffer, data: new DataView(buffer), words: new Uint16Array(buffer, 0, buffer.byteLength >> 1) }
}
