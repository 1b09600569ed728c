// Bytes as they come in, read by line or by byte count. Reads no more than requested, so that an endless peer costs no memory.

import { CniError, ErrDecodingFailure } from '../../cni/error.ts'
import { sys } from '../../host/sys.ts'

const CR = 13
const LF = 10

export class Incoming {
  readonly #more: () => ArrayBuffer
  #bytes = new Uint8Array(0)

  /** `more` returns at least a byte or throws. */
  constructor(more: () => ArrayBuffer) {
    this.#more = more
  }

  /** Up to the next LF, without it and a CR before it. Throws CniError 6 above `limit` bytes. */
  line(limit: number): string {
    let end = this.#bytes.indexOf(LF)
    while (end < 0 && this.#bytes.length <= limit) {
      const searched = this.#bytes.length
      this.#fill()
      end = this.#bytes.indexOf(LF, searched)
    }
    if (end < 0 || end > limit) throw new CniError(ErrDecodingFailure, 'the answer is not HTTP/1.1: a line or its headers are over 16 KiB')
    const line = this.take(end + 1)
    const length = line[end - 1] === CR ? end - 1 : end
    return sys.decodeUtf8(line.buffer, 0, length)
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    while (this.#bytes.length < length) this.#fill()
    const taken = this.#bytes.slice(0, length)
    this.#bytes = this.#bytes.slice(length)
    return taken
  }

  #fill(): void {
    const part = new Uint8Array(this.#more())
    const joined = new Uint8Array(this.#bytes.length + part.length)
    joined.set(this.#bytes)
    joined.set(part, this.#bytes.length)
    this.#bytes = joined
  }
}
