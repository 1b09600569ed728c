// What a rule does, named as in its nft line. Verdicts are in expression.ts.

import type { Address } from '../../net/address.ts'
import { type Attribute, be16, be32, u32 } from '../netlink/encode.ts'
import {
  NF_NAT_RANGE_PROTO_RANDOM_FULLY,
  NF_NAT_RANGE_PROTO_SPECIFIED,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_META_MARK,
  NFT_NAT_DNAT,
  NFT_NAT_SNAT,
  NFT_REG_1,
  NFT_REG_2,
  NFT_REG_VERDICT,
  NFT_REG32_00,
  NFTA_MASQ_FLAGS,
  NFTA_NAT_FAMILY,
  NFTA_NAT_FLAGS,
  NFTA_NAT_REG_ADDR_MIN,
  NFTA_NAT_REG_PROTO_MIN,
  NFTA_NAT_TYPE,
} from './constants.ts'
import { type Expression, expression, immediate, lookup, metaSet } from './expression.ts'
import { type Field, type IpVersion, joined } from './field.ts'

/** `masquerade [fully-random]` */
export function masquerade({ fullyRandom = false } = {}): Expression {
  return expression('masq', fullyRandom ? [[NFTA_MASQ_FLAGS, be32(NF_NAT_RANGE_PROTO_RANDOM_FULLY)]] : [])
}

/** `counter`, from zero */
export function counter(): Expression {
  return expression('counter', [])
}

/** `meta mark set VALUE` */
export function setMark(value: number): Expression[] {
  return [immediate(u32(value)), metaSet(NFT_META_MARK)]
}

/** `dnat to ADDRESS[:PORT]`; with a port only behind l4protoIs(). */
export function dnat(to: Address, port?: number): Expression[] {
  return translate(NFT_NAT_DNAT, to, port)
}

/** `snat to ADDRESS` */
export function snat(to: Address): Expression[] {
  return translate(NFT_NAT_SNAT, to)
}

/** `dnat ip to FIELD . FIELD… map @MAP`: a map from the fields to `address . port`. */
export function dnatByMap(version: IpVersion, fields: readonly Field[], map: string): Expression[] {
  // The map's answer lies from register 1 on, the port behind the 4 or 16 bytes of the address.
  const portRegister = NFT_REG32_00 + (version === 4 ? 1 : 4)
  return [...joined(fields), lookup(map, { into: NFT_REG_1 }), nat(NFT_NAT_DNAT, version, portRegister)]
}

/** `FIELD . FIELD… vmap @MAP`: the map's verdict. */
export function verdictByMap(fields: readonly Field[], map: string): Expression[] {
  return [...joined(fields), lookup(map, { into: NFT_REG_VERDICT })]
}

function translate(type: number, { family, bytes }: Address, port?: number): Expression[] {
  if (port === undefined) return [immediate(bytes), nat(type, family)]
  return [immediate(bytes), immediate(be16(port), NFT_REG_2), nat(type, family, NFT_REG_2, NF_NAT_RANGE_PROTO_SPECIFIED)]
}

function nat(type: number, version: IpVersion, portRegister?: number, flags = 0): Expression {
  const data: Attribute[] = [
    [NFTA_NAT_TYPE, be32(type)],
    [NFTA_NAT_FAMILY, be32(version === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6)],
    [NFTA_NAT_REG_ADDR_MIN, be32(NFT_REG_1)],
  ]
  if (portRegister !== undefined) data.push([NFTA_NAT_REG_PROTO_MIN, be32(portRegister)])
  if (flags) data.push([NFTA_NAT_FLAGS, be32(flags)])
  return expression('nat', data)
}
