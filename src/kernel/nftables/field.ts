// What a rule can look at: each field knows how to get itself into a register. Alone in match.ts, or several joined as the key of a set.

import {
  NFT_CT_STATE,
  NFT_CT_STATUS,
  NFT_FIB_RESULT_ADDRTYPE,
  NFT_META_IIFNAME,
  NFT_META_L4PROTO,
  NFT_META_MARK,
  NFT_META_NFPROTO,
  NFT_META_OIFNAME,
  NFT_PAYLOAD_LL_HEADER,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_PAYLOAD_TRANSPORT_HEADER,
  NFT_REG_1,
  NFT_REG32_00,
  NFTA_FIB_F_DADDR,
} from './constants.ts'
import { ct, type Expression, fib, meta, payload } from './expression.ts'

export interface Field {
  /** In bytes. */
  readonly length: number
  load(register?: number): Expression
}

export type IpVersion = 4 | 6

const IFNAMSIZ = 16

export const iifname: Field = { length: IFNAMSIZ, load: (register) => meta(NFT_META_IIFNAME, register) }
export const oifname: Field = { length: IFNAMSIZ, load: (register) => meta(NFT_META_OIFNAME, register) }
export const nfproto: Field = { length: 1, load: (register) => meta(NFT_META_NFPROTO, register) }
export const l4proto: Field = { length: 1, load: (register) => meta(NFT_META_L4PROTO, register) }
export const mark: Field = { length: 4, load: (register) => meta(NFT_META_MARK, register) }
export const ctState: Field = { length: 4, load: (register) => ct(NFT_CT_STATE, register) }
export const ctStatus: Field = { length: 4, load: (register) => ct(NFT_CT_STATUS, register) }
/** Of the destination: one of RTN_*. */
export const fibDaddrType: Field = { length: 4, load: (register) => fib(NFTA_FIB_F_DADDR, NFT_FIB_RESULT_ADDRTYPE, register) }
// struct ethhdr: 6 bytes destination, 6 bytes source
export const etherSaddr = at(NFT_PAYLOAD_LL_HEADER, 6, 6)
// TCP, UDP and SCTP all begin with the source port and the destination port.
export const sport = at(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2)
export const dport = at(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2)

// struct iphdr and struct ipv6hdr: the source address is at 12 and at 8, the destination behind it.
const addresses = {
  4: { saddr: at(NFT_PAYLOAD_NETWORK_HEADER, 12, 4), daddr: at(NFT_PAYLOAD_NETWORK_HEADER, 16, 4) },
  6: { saddr: at(NFT_PAYLOAD_NETWORK_HEADER, 8, 16), daddr: at(NFT_PAYLOAD_NETWORK_HEADER, 24, 16) },
} as const

/** `ip saddr` or `ip6 saddr`. In tables of family inet a rule that looks at it begins with nfprotoIs(), as nft writes it by itself. */
export function saddr(version: IpVersion): Field {
  return addresses[version].saddr
}

/** `ip daddr` or `ip6 daddr`; see `saddr`. */
export function daddr(version: IpVersion): Field {
  return addresses[version].daddr
}

/** `FIELD . FIELD . …`: side by side from register 1 on, each padded to four bytes, as a set's joined key is. */
export function joined(fields: readonly Field[]): Expression[] {
  let offset = 0
  return fields.map((field) => {
    // The same place has two names where sixteen bytes begin; the kernel gives rules back with this one.
    const register = offset % 16 === 0 ? NFT_REG_1 + offset / 16 : NFT_REG32_00 + offset / 4
    offset += (field.length + 3) & ~3
    return field.load(register)
  })
}

function at(base: number, offset: number, length: number): Field {
  return { length, load: (register) => payload(base, offset, length, register) }
}
