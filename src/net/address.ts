// IP addresses as values: a family and its bytes, in network order. Text only at the edges.
// This room holds arithmetic and imports nothing.

/** An IPv4 (4 bytes) or IPv6 (16 bytes) address. */
export interface Address {
  readonly family: 4 | 6
  readonly bytes: Uint8Array
}

/** Reads `10.1.0.5` or `fd00::5` (RFC 4291 §2.2). Strict: no zone, no leading zero, no missing octet; throws a SyntaxError. */
export function parseAddress(text: string): Address {
  const bytes = text.includes(':') ? parseIPv6(text) : parseIPv4(text)
  if (!bytes) throw new SyntaxError(`not an IP address: ${JSON.stringify(text)}`)
  return { family: bytes.length === 4 ? 4 : 6, bytes }
}

/** The canonical text: dotted quad, or RFC 5952 (lower case, the longest run of zeros as `::`). */
export function formatAddress({ family, bytes }: Address): string {
  return family === 4 ? bytes.join('.') : formatIPv6(bytes)
}

const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

/** True for an IPv4-mapped IPv6 address (`::ffff:10.1.0.5`, RFC 4291 §2.5.5.2), which is on no wire. */
export function isMapped({ family, bytes }: Address): boolean {
  return family === 6 && mappedPrefix.every((byte, i) => bytes[i] === byte)
}

/** The IPv4 address of an IPv4-mapped one; any other unchanged. */
export function unmapped(address: Address): Address {
  return isMapped(address) ? { family: 4, bytes: address.bytes.slice(mappedPrefix.length) } : address
}

/** Below zero, zero or above zero, as `a` sorts before, with or after `b`; IPv4 sorts before IPv6. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family
  for (let i = 0; i < a.bytes.length; i++) {
    const difference = (a.bytes[i] ?? 0) - (b.bytes[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

export function sameAddress(a: Address, b: Address): boolean {
  return compareAddresses(a, b) === 0
}

/** The address `step` (1 or -1) further; wraps at the end of the address space. */
export function nextAddress(address: Address, step: 1 | -1 = 1): Address {
  const bytes = address.bytes.slice()
  for (let i = bytes.length - 1; i >= 0; i--) {
    const sum = (bytes[i] ?? 0) + step
    bytes[i] = sum & 0xff
    if (sum === (sum & 0xff)) break
  }
  return { family: address.family, bytes }
}

/** 0.0.0.0 or ::, which no host has. */
export function isUnspecified({ bytes }: Address): boolean {
  return bytes.every((byte) => byte === 0)
}

/** fe80::/10: an address of the link alone, of which the kernel gives every IPv6 device one. */
export function isLinkLocal({ family, bytes }: Address): boolean {
  return family === 6 && bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80
}

function parseIPv4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (const [i, part] of parts.entries()) {
    const value = parseDecimal(part)
    if (value === undefined || value > 255) return undefined
    bytes[i] = value
  }
  return bytes
}

/** Digits only, no sign, no leading zero, at most five digits. */
export function parseDecimal(text: string): number | undefined {
  if (text.length === 0 || text.length > 5 || (text.length > 1 && text[0] === '0')) return undefined
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value
}

function parseIPv6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : []
  if (!head || !tail) return undefined
  const missing = 16 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined
  const bytes = new Uint8Array(16)
  bytes.set(head)
  bytes.set(tail, 16 - tail.length)
  return bytes
}

/** Colon-separated 16-bit groups as bytes; the last may be a dotted quad where `quadAllowed`. */
function parseGroups(text: string, quadAllowed: boolean): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    if (quadAllowed && i === groups.length - 1 && group.includes('.')) {
      const quad = parseIPv4(group)
      if (!quad) return undefined
      bytes.push(...quad)
      continue
    }
    const value = parseHex(group)
    if (value === undefined) return undefined
    bytes.push(value >> 8, value & 0xff)
  }
  return bytes
}

function parseHex(text: string): number | undefined {
  if (text.length === 0 || text.length > 4) return undefined
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = '0123456789abcdef'.indexOf(text.charAt(i).toLowerCase())
    if (digit < 0) return undefined
    value = value * 16 + digit
  }
  return value
}

function formatIPv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  const { start, length } = longestZeroRun(groups)
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':')
  if (length < 2) return hex(groups)
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (let i = 0; i <= groups.length; i++) {
    if (i < groups.length && groups[i] === 0) continue
    if (i - start > best.length) best = { start, length: i - start }
    start = i + 1
  }
  return best
}
