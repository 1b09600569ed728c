// What is left to read of a descriptor, as one text.

import { sys } from './sys.ts'

const CHUNK = 64 << 10

/** Throws a RangeError with the message `tooLong` above `limit` bytes, before memory runs out. */
export function readToEnd(fd: number, limit: number, tooLong: string): string {
  const parts: ArrayBuffer[] = []
  let length = 0
  for (let part = sys.read(fd, CHUNK); part.byteLength > 0; part = sys.read(fd, CHUNK)) {
    parts.push(part)
    length += part.byteLength
    if (length > limit) throw new RangeError(tooLong)
  }
  // Decoded in one piece: a character may lie across two reads.
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    bytes.set(new Uint8Array(part), offset)
    offset += part.byteLength
  }
  return sys.decodeUtf8(bytes.buffer, 0, length)
}
