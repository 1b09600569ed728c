// A kernel notification, and the event that a watch makes of it.

import type { Watched } from './watched.ts'

/** What was changed. `pod`: something that ADD made for a pod. `overrun`: notifications were lost, so anything may have. */
export type EventKind = 'route' | 'link' | 'address' | 'neighbour' | 'fdb' | 'nft' | 'sysctl' | 'pod' | 'overrun'

export interface NodeEvent {
  readonly event: EventKind
  readonly object: string
}

/** Judges one message that another process caused; `port` is 0 where the kernel did. */
export type Judge = (message: Message, watched: Watched | undefined) => NodeEvent | undefined

/** A notification: its header, and where its body lies in the datagram. */
export interface Message {
  readonly type: number
  readonly flags: number
  readonly port: number
  readonly datagram: ArrayBuffer
  readonly start: number
  readonly length: number
}

/** The messages of a datagram; what is cut off is left out. */
export function messagesOf(datagram: ArrayBuffer): Message[] {
  const words = new Uint32Array(datagram, 0, datagram.byteLength >> 2)
  const messages: Message[] = []
  for (let at = 0; at + 4 <= words.length; ) {
    const length = words[at] ?? 0
    if (length < 16 || at * 4 + length > datagram.byteLength) break
    const head = words[at + 1] ?? 0
    const port = words[at + 3] ?? 0
    messages.push({ type: head & 0xffff, flags: head >>> 16, port, datagram, start: at * 4 + 16, length: length - 16 })
    at += (length + 3) >> 2
  }
  return messages
}
