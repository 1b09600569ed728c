// Takes a list apart while it arrives: `{…, "items": [{…}, …]}`. At most one item is in memory, however long the list is.

import { type Json, parseJson } from '../../cni/json.ts'
import type { Sink } from './sink.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** The list's own nesting: the object, then the array of its items. */
const INSIDE_ITEMS = 2
/** The API server rejects objects from 1.5 MiB on. */
const MAX_ITEM = 16 << 20

/** Bytes go in by `write`, each item comes out by `onItem`; `end` gives the list without its items. Throws where it is not JSON or ends early. */
export class ListItems implements Sink {
  readonly #onItem: (item: Json) => void
  /** What of the current item, or of the list around it, came with earlier chunks. */
  #item: Buffer[] = []
  #itemBytes = 0
  readonly #frame: Buffer[] = []
  #depth = 0
  /** The array of items is open. */
  #inItems = false
  #inString = false
  #escaped = false

  constructor(onItem: (item: Json) => void) {
    this.#onItem = onItem
  }

  write(chunk: Buffer): void {
    let depth = this.#depth
    let inString = this.#inString
    let escaped = this.#escaped
    // Where the piece that is being gathered begins in this chunk.
    let start = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]
      if (inString) {
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) inString = false
      } else if (byte === QUOTE) {
        inString = true
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (this.#inItems && depth === INSIDE_ITEMS) start = i
        depth++
        if (!this.#inItems && depth === INSIDE_ITEMS && byte === OPEN_BRACKET) {
          this.#inItems = true
          this.#frame.push(Buffer.from(chunk.subarray(start, i + 1)))
        }
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        depth--
        if (this.#inItems && depth === INSIDE_ITEMS) {
          this.#finish(chunk.subarray(start, i + 1))
        } else if (this.#inItems && depth < INSIDE_ITEMS) {
          this.#inItems = false
          start = i
        }
      }
    }
    this.#depth = depth
    this.#inString = inString
    this.#escaped = escaped
    this.#keep(chunk, start)
  }

  end(): Json {
    if (this.#depth !== 0 || this.#inString) throw new Error('the list ends early')
    return parseJson(Buffer.concat(this.#frame).toString(), 'the list')
  }

  #keep(chunk: Buffer, start: number): void {
    // A copy: the chunk is a view of a larger buffer, which would live as long.
    if (!this.#inItems) this.#frame.push(Buffer.from(chunk.subarray(start)))
    else if (this.#depth > INSIDE_ITEMS) this.#add(Buffer.from(chunk.subarray(start)))
  }

  #add(piece: Buffer): void {
    this.#itemBytes += piece.length
    if (this.#itemBytes > MAX_ITEM) throw new Error(`an item of the list is over ${MAX_ITEM >> 20} MiB`)
    this.#item.push(piece)
  }

  #finish(last: Buffer): void {
    const text = this.#item.length === 0 ? last.toString() : Buffer.concat([...this.#item, last]).toString()
    this.#item = []
    this.#itemBytes = 0
    this.#onItem(parseJson(text, 'an item of the list'))
  }
}
