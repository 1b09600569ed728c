// Which addresses pods of StatefulSets had: on disk, so that a pod that returns to this node has them again. A loss costs stickiness, and no address.

import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { isObject, type Json } from '../../cni/json.ts'

/** The oldest are forgotten above this many: more than a node has pods. */
const MAX_ENTRIES = 512

export class Sticky {
  readonly #path: string
  readonly #addresses: Map<string, readonly string[]>
  #writing: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
    this.#addresses = readEntries(path)
  }

  get(key: string): readonly string[] {
    return this.#addresses.get(key) ?? []
  }

  /** Those of all others. */
  except(key: string): string[] {
    return [...this.#addresses].flatMap(([other, addresses]) => (other === key ? [] : addresses))
  }

  /** Returns when it is on the disk. An address is one entry's. */
  async set(key: string, addresses: readonly string[]): Promise<void> {
    if (this.get(key).join(' ') === addresses.join(' ')) return
    for (const [other, theirs] of this.#addresses) if (theirs.some((address) => addresses.includes(address))) this.#addresses.delete(other)
    this.#addresses.delete(key)
    this.#addresses.set(key, addresses)
    for (const oldest of [...this.#addresses.keys()].slice(0, -MAX_ENTRIES)) this.#addresses.delete(oldest)
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write())
    await this.#writing
  }

  async #write(): Promise<void> {
    const temp = `${this.#path}.new`
    await writeFile(temp, `${JSON.stringify(Object.fromEntries(this.#addresses))}\n`, { mode: 0o600 })
    await rename(temp, this.#path)
  }
}

/** Empty where there is no file, or where it cannot be read. */
function readEntries(path: string): Map<string, readonly string[]> {
  try {
    // JSON by definition of JSON.parse.
    const json = JSON.parse(readFileSync(path, 'utf8')) as Json
    const isList = (value: Json): value is readonly string[] => Array.isArray(value) && value.every((item) => typeof item === 'string')
    return new Map(Object.entries(isObject(json) ? json : {}).flatMap(([key, value]) => (isList(value) ? [[key, value] as const] : [])))
  } catch {
    return new Map()
  }
}
