// The header of every netlink message, written and read in place: datagrams are split nowhere else (linux/netlink.h: nlmsghdr).
//
//   word 0   __u32 nlmsg_len     header and body, without the padding to four bytes
//   word 1   __u16 nlmsg_type, __u16 nlmsg_flags
//   word 2   __u32 nlmsg_seq     an answer has its request's
//   word 3   __u32 nlmsg_pid     the sender's port, 0 for the kernel

import { type Bytes, bytesOf, type Received, View } from './decode.ts'

export const NLMSG_HDRLEN = 16

/** A datagram, and the words at which its messages begin. */
export interface Datagram {
  readonly bytes: Bytes
  readonly words: Uint32Array
  readonly starts: readonly number[]
}

/** Finds the messages; one that claims more than was received, or less than its header, throws a RangeError. */
export function splitDatagram(buffer: ArrayBuffer): Datagram {
  const words = new Uint32Array(buffer, 0, buffer.byteLength >> 2)
  const starts: number[] = []
  for (let at = 0; at + NLMSG_HDRLEN / 4 <= words.length; ) {
    const length = words[at] ?? 0
    const rest = buffer.byteLength - at * 4
    if (length < NLMSG_HDRLEN || length > rest) {
      throw new RangeError(`netlink message at ${at * 4} claims ${length} bytes, ${NLMSG_HDRLEN} to ${rest} are possible`)
    }
    starts[starts.length] = at
    at += (length + 3) >> 2
  }
  return { bytes: bytesOf(buffer), words, starts }
}

export function messageAt({ bytes, words }: Datagram, at: number): Received {
  const typeAndFlags = words[at + 1] ?? 0
  return {
    type: typeAndFlags & 0xffff,
    flags: typeAndFlags >>> 16,
    sequence: words[at + 2] ?? 0,
    port: words[at + 3] ?? 0,
    body: new View(bytes, at * 4 + NLMSG_HDRLEN, (words[at] ?? 0) - NLMSG_HDRLEN),
  }
}

/** Writes the header of a message of `length` bytes at a word. The kernel fills in the port. */
export function writeHeader(words: Uint32Array, at: number, length: number, type: number, flags: number, sequence: number): void {
  words[at] = length
  words[at + 1] = type | (flags << 16)
  words[at + 2] = sequence
}
