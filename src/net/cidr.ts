// An address with a prefix length. Host bits may be set: `10.1.0.5/24` is an interface address, `networkOf` gives the subnet.

import { type Address, compareAddresses, formatAddress, isMapped, parseAddress, parseDecimal } from './address.ts'

/** `10.1.0.5/24`: `length` is 0..32 for IPv4, 0..128 for IPv6. */
export interface Cidr {
  readonly address: Address
  readonly length: number
}

/** Reads CIDR notation; throws a SyntaxError that quotes the text. A subnet of IPv4-mapped addresses is of neither family. */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/')
  const length = slash < 0 ? undefined : parseDecimal(text.slice(slash + 1))
  if (length === undefined) throw new SyntaxError(`not an address in CIDR notation: ${JSON.stringify(text)}`)
  const address = parseAddress(text.slice(0, slash))
  if (length > addressBits(address)) throw new SyntaxError(`prefix length over ${addressBits(address)}: ${JSON.stringify(text)}`)
  if (isMapped(address)) throw new SyntaxError(`an IPv4-mapped address in CIDR notation: ${JSON.stringify(text)}`)
  return { address, length }
}

export function formatCidr({ address, length }: Cidr): string {
  return `${formatAddress(address)}/${length}`
}

/** 32 or 128. */
export function addressBits(address: Address): 32 | 128 {
  return address.family === 4 ? 32 : 128
}

/** The address as a host prefix, /32 or /128. */
export function hostCidr(address: Address): Cidr {
  return { address, length: addressBits(address) }
}

/** The subnet with its host bits cleared: `10.1.0.5/24` → `10.1.0.0/24`. */
export function networkOf(cidr: Cidr): Cidr {
  const { address, length } = cidr
  return hostBitsAre(cidr, 0) ? cidr : { address: withHostBits(address, length, 0), length }
}

/** The subnet's last address, all host bits set: for IPv4 the broadcast address. */
export function lastAddress({ address, length }: Cidr): Address {
  return withHostBits(address, length, 0xff)
}

/**
 * What the address is to its subnet besides a host's: IPv4's network or broadcast address, or IPv6's Subnet-Router anycast address (RFC 4291 §2.6.1), which a
 * forwarding node answers for itself. In a /31 (RFC 3021), /127 (RFC 6164) and of a single address none is set apart.
 */
export function setApart(cidr: Cidr): 'network address' | 'broadcast address' | 'Subnet-Router anycast address' | undefined {
  if (cidr.length > addressBits(cidr.address) - 2) return undefined
  const isIPv4 = cidr.address.family === 4
  if (hostBitsAre(cidr, 0)) return isIPv4 ? 'network address' : 'Subnet-Router anycast address'
  return isIPv4 && hostBitsAre(cidr, 0xff) ? 'broadcast address' : undefined
}

export function cidrContains(cidr: Cidr, address: Address): boolean {
  if (cidr.address.family !== address.family) return false
  const whole = cidr.length >> 3
  for (let i = 0; i < whole; i++) if (cidr.address.bytes[i] !== address.bytes[i]) return false
  const rest = cidr.length & 7
  const difference = (cidr.address.bytes[whole] ?? 0) ^ (address.bytes[whole] ?? 0)
  return rest === 0 || difference >> (8 - rest) === 0
}

export function sameCidr(a: Cidr, b: Cidr): boolean {
  return a.length === b.length && compareAddresses(a.address, b.address) === 0
}

/** `0.0.0.0/0` or `::/0`. */
export function isDefaultRoute(cidr: Cidr): boolean {
  return cidr.length === 0 && cidr.address.bytes.every((byte) => byte === 0)
}

/** The last byte comes first: it mostly settles it. */
function hostBitsAre({ address, length }: Cidr, fill: 0 | 0xff): boolean {
  const first = length >> 3
  for (let i = address.bytes.length - 1; i >= first; i--) {
    const mask = i === first ? 0xff >> (length & 7) : 0xff
    if (((address.bytes[i] ?? 0) & mask) !== (fill & mask)) return false
  }
  return true
}

function withHostBits(address: Address, length: number, fill: 0 | 0xff): Address {
  const bytes = address.bytes.slice()
  let hostBits = 0xff >> (length & 7)
  for (let i = length >> 3; i < bytes.length; i++) {
    bytes[i] = ((bytes[i] ?? 0) & ~hostBits) | (fill & hostBits)
    hostBits = 0xff
  }
  return { family: address.family, bytes }
}
