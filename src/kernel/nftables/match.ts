// The conditions of a rule, named and ordered as in its nft line. Each gives the instructions that end the rule where it does not hold.

import type { Address } from '../../net/address.ts'
import { addressBits, type Cidr, hostCidr, networkOf } from '../../net/cidr.ts'
import type { Mac } from '../../net/mac.ts'
import { be16, cstr, u32 } from '../netlink/encode.ts'
import { NFPROTO_IPV4, NFPROTO_IPV6, NFT_PAYLOAD_NETWORK_HEADER } from './constants.ts'
import { cmp, type Expression, lookup, mask, payload } from './expression.ts'
import * as field from './field.ts'

// linux/in.h
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IPPROTO_SCTP = 132

// linux/rtnetlink.h: RTN_*
const addressTypes = { unicast: 1, local: 2, broadcast: 3, multicast: 5 } as const

// linux/netfilter/nf_conntrack_common.h: NF_CT_STATE_BIT(), IPS_SRC_NAT and IPS_DST_NAT
const states = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const
const statuses = { snat: 0x10, dnat: 0x20 } as const

/** `meta nfproto ipv4|ipv6` */
export function nfprotoIs(version: field.IpVersion): Expression[] {
  return is(field.nfproto, Uint8Array.of(version === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6))
}

/** `meta l4proto PROTOCOL` */
export function l4protoIs(protocol: number): Expression[] {
  return is(field.l4proto, Uint8Array.of(protocol))
}

/** `ip saddr ADDRESS|PREFIX`, or ip6 */
export function ipSaddr(value: Address | Cidr): Expression[] {
  return address('saddr', value, true)
}

/** `ip saddr != ADDRESS|PREFIX`, or ip6 */
export function ipSaddrNot(value: Address | Cidr): Expression[] {
  return address('saddr', value, false)
}

/** `ip daddr ADDRESS|PREFIX`, or ip6 */
export function ipDaddr(value: Address | Cidr): Expression[] {
  return address('daddr', value, true)
}

/** `ip daddr != ADDRESS|PREFIX`, or ip6 */
export function ipDaddrNot(value: Address | Cidr): Expression[] {
  return address('daddr', value, false)
}

/** `ether saddr MAC` */
export function etherSaddr(mac: Mac): Expression[] {
  return is(field.etherSaddr, mac)
}

/** `iifname NAME`; a `*` at the end stands for the rest. */
export function iifname(name: string): Expression[] {
  return is(field.iifname, interfaceName(name))
}

/** `iifname != NAME` */
export function iifnameNot(name: string): Expression[] {
  return isNot(field.iifname, interfaceName(name))
}

/** `oifname NAME`; a `*` at the end stands for the rest. */
export function oifname(name: string): Expression[] {
  return is(field.oifname, interfaceName(name))
}

/** `oifname != NAME` */
export function oifnameNot(name: string): Expression[] {
  return isNot(field.oifname, interfaceName(name))
}

/** `th sport PORT`; only packets that l4protoIs() has let through have ports. */
export function sport(port: number): Expression[] {
  return is(field.sport, be16(port))
}

/** `th dport PORT`; see `sport`. */
export function dport(port: number): Expression[] {
  return is(field.dport, be16(port))
}

/** `fib daddr type TYPE` */
export function fibDaddrType(type: keyof typeof addressTypes): Expression[] {
  return is(field.fibDaddrType, u32(addressTypes[type]))
}

/** `ct state STATE,STATE…` */
export function ctState(...wanted: (keyof typeof states)[]): Expression[] {
  return anyBit(
    field.ctState,
    wanted.reduce((bits, name) => bits | states[name], 0),
  )
}

/** `ct status STATUS,STATUS…` */
export function ctStatus(...wanted: (keyof typeof statuses)[]): Expression[] {
  return anyBit(
    field.ctStatus,
    wanted.reduce((bits, name) => bits | statuses[name], 0),
  )
}

/** `meta mark & BITS == VALUE` */
export function markIs(bits: number, value: number): Expression[] {
  return [field.mark.load(), mask(u32(bits)), cmp(true, u32(value))]
}

/** `FIELD . FIELD… @SET` */
export function inSet(fields: readonly field.Field[], set: string): Expression[] {
  return [...field.joined(fields), lookup(set)]
}

/** `FIELD . FIELD… != @SET` */
export function notInSet(fields: readonly field.Field[], set: string): Expression[] {
  return [...field.joined(fields), lookup(set, { inside: false })]
}

/** `FIELD VALUE` */
export function is(what: field.Field, value: Uint8Array): Expression[] {
  return [what.load(), cmp(true, value)]
}

/** `FIELD != VALUE` */
export function isNot(what: field.Field, value: Uint8Array): Expression[] {
  return [what.load(), cmp(false, value)]
}

function anyBit(what: field.Field, bits: number): Expression[] {
  return [what.load(), mask(u32(bits)), cmp(false, u32(0))]
}

/** A prefix of whole bytes is a shorter load, any other is masked: as nft does it. */
function address(end: 'saddr' | 'daddr', value: Address | Cidr, equal: boolean): Expression[] {
  const cidr = networkOf('length' in value ? value : hostCidr(value))
  const { family, bytes } = cidr.address
  const whole = addressField[end](family)
  if (cidr.length === addressBits(cidr.address)) return [whole.load(), cmp(equal, bytes)]
  if (cidr.length > 0 && cidr.length % 8 === 0) {
    const length = cidr.length / 8
    return [payload(NFT_PAYLOAD_NETWORK_HEADER, offsets[end][family], length), cmp(equal, bytes.slice(0, length))]
  }
  const bits = bytes.map((_, i) => (0xff << (8 - Math.min(8, Math.max(0, cidr.length - 8 * i)))) & 0xff)
  return [whole.load(), mask(bits), cmp(equal, bytes)]
}

const addressField = { saddr: field.saddr, daddr: field.daddr } as const
const offsets = { saddr: { 4: 12, 6: 8 }, daddr: { 4: 16, 6: 24 } } as const

/** Padded with NULs to the register's 16 bytes; with `*`, only what stands before it is compared. */
function interfaceName(name: string): Uint8Array {
  if (name.endsWith('*')) return cstr(name).slice(0, name.length - 1)
  const bytes = new Uint8Array(field.iifname.length)
  bytes.set(cstr(name).slice(0, bytes.length))
  return bytes
}
