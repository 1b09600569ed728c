// JSON as it comes in: parsed with a place in the error, its keys found as Go finds them.

import { CniError, ErrDecodingFailure } from './error.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** Parses `text`; `what` names it in the error, which has line, column and the text found there. */
export function parseJson(text: string, what: string): Json {
  try {
    // The one place where JSON enters: what JSON.parse returns is Json by definition.
    return JSON.parse(text) as Json
  } catch (error) {
    const place = text.trim() === '' ? 'it is empty' : describePlace(text)
    throw new CniError(ErrDecodingFailure, `${what} is not JSON: ${place || String(error)}`)
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a message calls a value: its JSON text, cut where that is long. */
export function quote(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function describePlace(text: string): string {
  const at = firstFault(text)
  if (at === undefined) return ''
  const before = text.slice(0, at).split('\n')
  const found = at < text.length ? `unexpected ${JSON.stringify(text.slice(at, at + 12))}` : 'it ends early'
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${found}`
}

/** The offset of the first character that RFC 8259 does not allow: neither engine reports it in a stable form. */
function firstFault(text: string): number | undefined {
  const scan = new Scan(text)
  try {
    if (!scan.value()) return scan.at
    scan.space()
    return scan.at < text.length ? scan.at : undefined
  } catch {
    // Nested deeper than the stack: JSON.parse has reported that.
    return undefined
  }
}

/** Each method takes one production of the grammar from `at` on; false leaves `at` on what does not fit. */
class Scan {
  at = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  value(): boolean {
    this.space()
    const char = this.#char()
    if (char === '{') return this.#list('}', () => this.#member())
    if (char === '[') return this.#list(']', () => this.value())
    if (char === '"') return this.#string()
    const word = ['true', 'false', 'null'].find((known) => known[0] === char)
    return word ? this.#token(word) : this.#number()
  }

  space(): void {
    while (this.#isOneOf(' \t\n\r')) this.at++
  }

  #member(): boolean {
    if (!this.#string()) return false
    this.space()
    return this.#token(':') && this.value()
  }

  #list(close: string, item: () => boolean): boolean {
    this.at++
    this.space()
    if (this.#char() === close) return this.#token(close)
    for (;;) {
      this.space()
      if (!item()) return false
      this.space()
      if (this.#char() === close) return this.#token(close)
      if (!this.#token(',')) return false
    }
  }

  #string(): boolean {
    if (!this.#token('"')) return false
    while (this.#char() !== '"') {
      if (this.#char() < ' ') return false
      if (this.#char() === '\\' && !this.#escape()) return false
      this.at++
    }
    return this.#token('"')
  }

  /** Ends on the last character of the escape. */
  #escape(): boolean {
    this.at++
    if (this.#char() !== 'u') return this.#isOneOf('"\\/bfnrt')
    for (let i = 0; i < 4; i++) {
      this.at++
      if (!this.#isOneOf('0123456789abcdefABCDEF')) return false
    }
    return true
  }

  #number(): boolean {
    if (this.#char() === '-') this.at++
    if (this.#char() === '0') this.at++
    else if (!this.#digits()) return false
    if (this.#char() === '.') {
      this.at++
      if (!this.#digits()) return false
    }
    if (!this.#isOneOf('eE')) return true
    this.at++
    if (this.#isOneOf('+-')) this.at++
    return this.#digits()
  }

  #digits(): boolean {
    const start = this.at
    while (this.#isOneOf('0123456789')) this.at++
    return this.at > start
  }

  #token(token: string): boolean {
    for (const char of token) {
      if (this.#char() !== char) return false
      this.at++
    }
    return true
  }

  /** '' at the end. */
  #char(): string {
    return this.#text.charAt(this.at)
  }

  #isOneOf(chars: string): boolean {
    return this.#char() !== '' && chars.includes(this.#char())
  }
}
