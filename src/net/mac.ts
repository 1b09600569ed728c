// Ethernet addresses: six bytes.

import type { Address } from './address.ts'

export type Mac = Uint8Array

/** Reads `0a:58:0a:0f:14:02` (any case, `-` for `:` too); throws a SyntaxError. */
export function parseMac(text: string): Mac {
  const parts = text.split(text.includes('-') ? '-' : ':')
  const bytes = parts.map((part) => (part.length === 2 && isHex(part) ? Number.parseInt(part, 16) : Number.NaN))
  if (bytes.length !== 6 || bytes.some(Number.isNaN)) throw new SyntaxError(`not an Ethernet address: ${JSON.stringify(text)}`)
  return Uint8Array.from(bytes)
}

export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** True where a device can own the address: unicast (I/G bit clear) and not all zero. */
export function isUnicastMac(mac: Mac): boolean {
  return ((mac[0] ?? 1) & 1) === 0 && mac.some((byte) => byte !== 0)
}

/** `0a:58` and the four bytes of the IPv4 address: stable across udev, readable in a capture. */
export function macFromIPv4(address: Address): Mac {
  return Uint8Array.of(0x0a, 0x58, ...address.bytes.slice(0, 4))
}

/** fe80:: and the MAC as EUI-64 (RFC 4291, appendix A), which the kernel gives a device by default. */
export function linkLocal(mac: Mac): Address {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac
  return { family: 6, bytes: Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f) }
}

function isHex(text: string): boolean {
  return [...text].every((char) => '0123456789abcdefABCDEF'.includes(char))
}
