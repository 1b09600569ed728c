// Reads a configuration: every key by its type, every problem with its path, all of them reported at once.

import { type Address, parseAddress, unmapped } from '../net/address.ts'
import { type Cidr, parseCidr } from '../net/cidr.ts'
import { type Mac, parseMac } from '../net/mac.ts'
import { CniError, ErrInvalidNetworkConfig } from './error.ts'
import { isObject, type Json, type JsonObject, quote } from './json.ts'

/**
 * A JSON object with a place in the configuration. A key that is absent, null or of the wrong type reads as undefined, the latter with an issue;
 * unknown keys are ignored. Keys match in any case, the later spelling wins: Go's decoder does so, and containerd sends `HostPort`.
 */
export class Reader {
  readonly path: string
  readonly #fields: ReadonlyMap<string, Json>
  readonly #issues: string[]
  /** Several functions read `ipam`. */
  readonly #readers = new Map<string, Reader>()

  constructor(object: JsonObject, path = '', issues: string[] = []) {
    this.path = path
    this.#fields = new Map(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]))
    this.#issues = issues
  }

  /** Notes a problem with `key`, or with the object itself where that is ''. */
  issue(key: string, problem: string): void {
    const path = this.#pathOf(key)
    const entry = path ? `${path}: ${problem}` : problem
    // Two readers of one key find the same problem.
    if (!this.#issues.includes(entry)) this.#issues.push(entry)
  }

  /** All problems so far, of this reader and of those it made. */
  get issues(): readonly string[] {
    return this.#issues
  }

  /** Throws one error that names every problem, if there are any. */
  report(what = 'invalid network configuration', code = ErrInvalidNetworkConfig): void {
    const { length } = this.#issues
    if (length === 1) throw new CniError(code, `${what}: ${this.#issues[0]}`)
    if (length > 1) throw new CniError(code, `${what}: ${length} problems`, this.#issues.join('\n'))
  }

  /** True where the key has a value other than null and ''. */
  has(key: string): boolean {
    const value = this.value(key)
    return value !== undefined && value !== ''
  }

  /** The value as it stands; undefined where it is absent or null. */
  value(key: string): Json | undefined {
    return this.#fields.get(key.toLowerCase()) ?? undefined
  }

  string(key: string): string | undefined {
    const value = this.value(key)
    if (value === undefined || typeof value === 'string') return value
    return this.#mismatch(key, 'a string', value)
  }

  boolean(key: string): boolean | undefined {
    const value = this.value(key)
    if (value === undefined || typeof value === 'boolean') return value
    return this.#mismatch(key, 'true or false', value)
  }

  /** A whole number from `min` to `max`. */
  integer(key: string, min: number, max: number): number | undefined {
    const value = this.value(key)
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) return this.#mismatch(key, 'a whole number', value)
    return value >= min && value <= max ? value : this.#mismatch(key, `a number from ${min} to ${max}`, value)
  }

  /** An IPv4-mapped one is the IPv4 address: Go takes it so. */
  address(key: string): Address | undefined {
    const address = this.#parsed(key, 'an IP address', parseAddress)
    return address && unmapped(address)
  }

  cidr(key: string): Cidr | undefined {
    const isMapped = this.string(key)?.toLowerCase().startsWith('::ffff:')
    return this.#parsed(key, isMapped ? 'CIDR notation, with IPv4 in dotted form' : 'CIDR notation', parseCidr)
  }

  mac(key: string): Mac | undefined {
    return this.#parsed(key, 'an Ethernet address', parseMac)
  }

  strings(key: string): string[] | undefined {
    return this.#list(key, (item, path) => {
      if (typeof item === 'string') return item
      return this.#mismatch(path, 'a string', item)
    })
  }

  object<T>(key: string, read: (reader: Reader) => T): T | undefined {
    const known = this.#readers.get(key)
    if (known) return read(known)
    const value = this.value(key)
    if (value === undefined) return undefined
    return this.#nested(key, value, (reader) => {
      this.#readers.set(key, reader)
      return read(reader)
    })
  }

  /** A list of objects; items for which `read` returns undefined are left out. */
  objects<T>(key: string, read: (reader: Reader) => T | undefined): T[] | undefined {
    return this.#list(key, (item, path) => this.#nested(path, item, read))
  }

  /** A list of lists of objects. */
  lists<T>(key: string, read: (reader: Reader) => T | undefined): T[][] | undefined {
    return this.#list(key, (inner, path) => this.#items(path, inner, (item, innerPath) => this.#nested(innerPath, item, read)))
  }

  #list<T>(key: string, read: (item: Json, path: string) => T | undefined): T[] | undefined {
    const value = this.value(key)
    return value === undefined ? undefined : this.#items(key, value, read)
  }

  #items<T>(key: string, value: Json, read: (item: Json, path: string) => T | undefined): T[] | undefined {
    if (!Array.isArray(value)) return this.#mismatch(key, 'a list', value)
    return value.map((item: Json, i) => read(item, `${key}[${i}]`)).filter((item) => item !== undefined)
  }

  #nested<T>(key: string, value: Json, read: (reader: Reader) => T | undefined): T | undefined {
    if (!isObject(value)) return this.#mismatch(key, 'an object', value)
    return read(new Reader(value, this.#pathOf(key), this.#issues))
  }

  /** Text with a form of its own; '' counts as unset, as Go's decoders take it. */
  #parsed<T>(key: string, form: string, parse: (text: string) => T): T | undefined {
    const text = this.string(key)
    if (!text) return undefined
    try {
      return parse(text)
    } catch {
      return this.#mismatch(key, form, text)
    }
  }

  #mismatch(key: string, expected: string, value: Json): undefined {
    this.issue(key, `expected ${expected}, got ${quote(value)}`)
    return undefined
  }

  #pathOf(key: string): string {
    return this.path && key ? `${this.path}.${key}` : this.path || key
  }
}
