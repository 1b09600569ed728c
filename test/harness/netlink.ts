// Netlink for unit tests: the messages of a datagram, and a kernel that answers as it is given.

import { vi } from 'vitest'
import { sys } from '../../src/host/sys.ts'
import type { Received } from '../../src/kernel/netlink/decode.ts'
import { type Attribute, concat, encodeMessage, u32 } from '../../src/kernel/netlink/encode.ts'
import { messageAt, splitDatagram } from '../../src/kernel/netlink/messages.ts'

export function decodeMessages(datagram: ArrayBuffer): Received[] {
  const split = splitDatagram(datagram)
  return split.starts.map((at) => messageAt(split, at))
}

/** A kernel that answers what it is sent with `datagrams`, one a read, until `vi.restoreAllMocks()`; the messages that were sent, a list a datagram. */
export function fakeKernel(...datagrams: Uint8Array[]): Received[][] {
  const sent: Received[][] = []
  vi.spyOn(sys, 'send').mockImplementation((_, bytes) => {
    sent.push(decodeMessages(Uint8Array.from(bytes).buffer))
    return bytes.length
  })
  vi.spyOn(sys, 'recv').mockImplementation(() => {
    const next = datagrams.shift()
    if (!next) throw new Error('the kernel has no more answers')
    return Uint8Array.from(next).buffer
  })
  return sent
}

/** nlmsgerr of the message `sequence`; the request's header follows the error number. */
export function ack(sequence: number, error = 0, attributes: readonly Attribute[] = []): Uint8Array {
  const flags = attributes.length > 0 ? 0x300 : 0x100
  return encodeMessage({ type: 2, flags, body: concat([u32(-error), new Uint8Array(16)]), attributes }, sequence)
}
