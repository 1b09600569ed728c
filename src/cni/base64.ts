// Base 64 (RFC 4648), as Go writes bytes into JSON.

import { sys } from '../host/sys.ts'
import { CniError, ErrDecodingFailure } from './error.ts'

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** The text's UTF-8 bytes. */
export function encodeBase64(text: string): string {
  const bytes = new Uint8Array(sys.encodeUtf8(text))
  const groups: string[] = []
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const four = [18, 12, 6, 0].map((shift) => digits.charAt((group >> shift) & 63)).join('')
    const missing = Math.max(0, i + 3 - bytes.length)
    groups.push(four.slice(0, 4 - missing) + '='.repeat(missing))
  }
  return groups.join('')
}

/** Throws CniError 6 for what is not base 64. */
export function decodeBase64(text: string): string {
  const data = text.endsWith('==') ? text.slice(0, -2) : text.endsWith('=') ? text.slice(0, -1) : text
  const values = [...data].map((char) => digits.indexOf(char))
  if (text.length % 4 !== 0 || values.includes(-1)) throw new CniError(ErrDecodingFailure, 'expected base 64')
  const bytes = new Uint8Array(Math.floor((values.length * 3) / 4))
  let bits = 0
  let pending = 0
  let end = 0
  for (const value of values) {
    pending = ((pending << 6) | value) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[end++] = (pending >> bits) & 0xff
  }
  return sys.decodeUtf8(bytes.buffer, 0, bytes.length)
}
