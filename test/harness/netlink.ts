// The messages of a datagram, all at once.

import type { Received } from '../../src/kernel/netlink/decode.ts'
import { messageAt, splitDatagram } from '../../src/kernel/netlink/messages.ts'

export function decodeMessages(datagram: ArrayBuffer): Received[] {
  const split = splitDatagram(datagram)
  return split.starts.map((at) => messageAt(split, at))
}
