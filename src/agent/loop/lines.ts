// Lines out of chunks of bytes: a watch sends one event a line, and so does `podwire node watch`.

const NEWLINE = 0x0a
const MAX_LINE = 16 << 20

/** Gives each whole line, without its newline, to `onLine`; what has no newline yet waits. Throws where that grows past 16 MiB. */
export class Lines {
  readonly #onLine: (line: string) => void
  #rest: Buffer[] = []
  #restBytes = 0

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  write(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const last = chunk.subarray(start, end)
      const line = this.#rest.length === 0 ? last.toString() : Buffer.concat([...this.#rest, last]).toString()
      this.#rest = []
      this.#restBytes = 0
      start = end + 1
      this.#onLine(line)
    }
    if (start === chunk.length) return
    this.#restBytes += chunk.length - start
    if (this.#restBytes > MAX_LINE) throw new Error(`a line of over ${MAX_LINE >> 20} MiB`)
    this.#rest.push(Buffer.from(chunk.subarray(start)))
  }
}
