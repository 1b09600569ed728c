// Addresses as hex digits, 8 for IPv4 and 32 for IPv6: one string that is key, order and bytes at once. For the places where there are
// thousands of them; everywhere else an address is an Address.

import { formatAddress, parseAddress } from './address.ts'

/** `0a01000a` is 10.1.0.10. Two of one family compare as text. */
export type Packed = string

/** A subnet, its host bits clear. */
export interface PackedPrefix {
  readonly first: Packed
  readonly length: number
}

const ZEROS = '0'.repeat(32)
const ONES = 'f'.repeat(32)
const lengths = new Map(Array.from({ length: 129 }, (_, value) => [`${value}`, value]))
const octets = new Map(Array.from({ length: 256 }, (_, value) => [`${value}`, hexOctet(value)]))

/** Reads an address as strictly as parseAddress; undefined for anything else. */
export function packAddress(text: string): Packed | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || text.includes(':')) return packOther(text)
  const [a = '', b = '', c = '', d = ''] = parts
  const first = octets.get(a)
  const second = octets.get(b)
  const third = octets.get(c)
  const fourth = octets.get(d)
  if (first === undefined || second === undefined || third === undefined || fourth === undefined) return undefined
  // Not a template: the engine calls a function for that, and this is done ten thousand times.
  return first + second + third + fourth
}

/** Reads CIDR notation; undefined for anything else, host bits that are set among it. */
export function packPrefix(text: string): PackedPrefix | undefined {
  const slash = text.indexOf('/')
  const first = slash < 0 ? undefined : packAddress(text.slice(0, slash))
  const length = lengths.get(text.slice(slash + 1))
  if (first === undefined || length === undefined || length > packedBits(first)) return undefined
  return hasHostBits(first, length) ? undefined : { first, length }
}

/** 4 or 6. */
export function packedFamily(packed: Packed): 4 | 6 {
  return packed.length === 8 ? 4 : 6
}

/** 32 or 128. */
export function packedBits(packed: Packed): number {
  return packed.length * 4
}

/** The prefix's last address, all host bits set. */
export function packedLast({ first, length }: PackedPrefix): Packed {
  const whole = length >> 2
  if ((length & 3) === 0) return first.slice(0, whole) + ONES.slice(whole, first.length)
  const digit = Number.parseInt(first.charAt(whole), 16) | (0xf >> (length & 3))
  return first.slice(0, whole) + digit.toString(16) + ONES.slice(whole + 1, first.length)
}

/** The prefix with its host bits cleared. */
export function networkOfPacked({ first, length }: PackedPrefix): PackedPrefix {
  const whole = length >> 2
  if (whole === first.length) return { first, length }
  const digit = Number.parseInt(first.charAt(whole), 16) & ~(0xf >> (length & 3)) & 0xf
  return { first: first.slice(0, whole) + digit.toString(16) + ZEROS.slice(whole + 1, first.length), length }
}

/** True where `packed`, of the same family, lies in the prefix. */
export function packedContains(prefix: PackedPrefix, packed: Packed): boolean {
  return packed.length === prefix.first.length && packed >= prefix.first && packed <= packedLast(prefix)
}

/** The address behind it; undefined behind the last of all. */
export function packedNext(packed: Packed): Packed | undefined {
  let at = packed.length - 1
  while (packed.charAt(at) === 'f') at--
  if (at < 0) return undefined
  const digit = Number.parseInt(packed.charAt(at), 16) + 1
  return packed.slice(0, at) + digit.toString(16) + ZEROS.slice(at + 1, packed.length)
}

export function packBytes(bytes: Uint8Array): Packed {
  return Array.from(bytes, hexOctet).join('')
}

/** As formatAddress writes it. */
export function formatPacked(packed: Packed): string {
  return formatAddress({ family: packedFamily(packed), bytes: unpackBytes(packed) })
}

export function unpackBytes(packed: Packed): Uint8Array {
  return Uint8Array.from({ length: packed.length / 2 }, (_, i) => Number.parseInt(packed.slice(2 * i, 2 * i + 2), 16))
}

/** IPv6, or what is not an address. */
function packOther(text: string): Packed | undefined {
  if (!text.includes(':')) return undefined
  try {
    return packBytes(parseAddress(text).bytes)
  } catch {
    return undefined
  }
}

function hasHostBits(first: Packed, length: number): boolean {
  const whole = length >> 2
  // On a digit's border, as most subnets end, all that follows are zeros.
  if ((length & 3) === 0) return !ZEROS.startsWith(first.slice(whole))
  return (Number.parseInt(first.charAt(whole), 16) & (0xf >> (length & 3))) !== 0 || !ZEROS.startsWith(first.slice(whole + 1))
}

function hexOctet(value: number): string {
  return value < 16 ? `0${value.toString(16)}` : value.toString(16)
}
