// What a rule compares and does, read back from the kernel's expressions. A rule of podwire's own is compared whole: `ruleConsistsOf` (rule.ts).

import { sys } from '../../host/sys.ts'
import { NLA_F_NESTED } from '../netlink/constants.ts'
import type { View } from '../netlink/decode.ts'
import { be16, concat, u16 } from '../netlink/encode.ts'
import {
  NF_ACCEPT,
  NFT_CMP_EQ,
  NFT_META_L4PROTO,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_PAYLOAD_TRANSPORT_HEADER,
  NFTA_CMP_DATA,
  NFTA_CMP_OP,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_IMMEDIATE_DATA,
  NFTA_META_KEY,
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
  NFTA_VERDICT_CODE,
} from './constants.ts'
import { expressionsOf, type KernelRule } from './rule.ts'

export type Field = 'l4proto' | 'saddr' | 'daddr' | 'dport' | 'ct' | 'other'

/** `FIELD VALUE`; not `exact` where it is a mask, an inequality or the like. */
export interface Match {
  readonly field: Field
  readonly exact: boolean
  readonly value: Uint8Array
}

export interface RuleParts {
  readonly matches: readonly Match[]
  /** What it loads for a statement: of `dnat to ADDRESS:PORT` first the address, then the port. */
  readonly operands: readonly Uint8Array[]
  /** True where it ends in `accept`. */
  readonly accepts: boolean
  /** The names of all other expressions: `nat`, `counter`, `match` (of x_tables), `lookup` … */
  readonly others: readonly string[]
}

/** Header, offset and length: struct iphdr, struct ipv6hdr, and the ports of TCP, UDP and SCTP. */
const payloads: Readonly<Record<string, Field>> = {
  [`${NFT_PAYLOAD_NETWORK_HEADER} 12 4`]: 'saddr',
  [`${NFT_PAYLOAD_NETWORK_HEADER} 8 16`]: 'saddr',
  [`${NFT_PAYLOAD_NETWORK_HEADER} 16 4`]: 'daddr',
  [`${NFT_PAYLOAD_NETWORK_HEADER} 24 16`]: 'daddr',
  [`${NFT_PAYLOAD_TRANSPORT_HEADER} 2 2`]: 'dport',
}

/** A match is two expressions, or three: one that loads the field, a mask, one that compares. */
export function readRule(rule: KernelRule): RuleParts {
  const matches: Match[] = []
  const operands: Uint8Array[] = []
  const others: string[] = []
  let accepts = false
  let masked = false
  let field: Field = 'other'
  for (const { name, data } of expressionsOf(rule)) {
    if (name === 'meta' || name === 'payload' || name === 'ct') {
      field = loadedField(name, data)
      masked = false
    } else if (name === 'bitwise') {
      masked = true
    } else if (name === 'cmp') {
      const exact = !masked && nested(data, NFTA_CMP_OP)?.be32() === NFT_CMP_EQ
      matches.push({ field, exact, value: nested(data, NFTA_CMP_DATA, NFTA_DATA_VALUE)?.bytes() ?? new Uint8Array() })
    } else if (name === 'immediate') {
      const operand = nested(data, NFTA_IMMEDIATE_DATA, NFTA_DATA_VALUE)
      if (operand) operands.push(operand.bytes())
      else accepts = nested(data, NFTA_IMMEDIATE_DATA, NFTA_DATA_VERDICT, NFTA_VERDICT_CODE)?.be32() === NF_ACCEPT
    } else {
      others.push(name)
    }
  }
  return { matches, operands, accepts, others }
}

/** The value that `field` has to have; undefined where the rule takes any. */
export function exactValue({ matches }: RuleParts, field: Field): Uint8Array | undefined {
  return matches.find((match) => match.exact && match.field === field)?.value
}

/** The name that the rule compares first: PORT of `iifname PORT`. */
export function comparedName(rule: KernelRule): string {
  const cmp = expressionsOf(rule).find(({ name }) => name === 'cmp')
  return nested(cmp?.data, NFTA_CMP_DATA, NFTA_DATA_VALUE)?.text() ?? ''
}

/** True where the bytes stand anywhere in the rule: a test that is wrong only in taking too many. */
export function mentions({ list }: KernelRule, bytes: Uint8Array): boolean {
  return list?.contains({ hex: [hexDigits(bytes)] }) === true
}

/** What `listRules` finds the rules by that compare a port with this one, whether the kernel flags nests or not. */
export function portDigits(port: number): string[] {
  // NFTA_CMP_DATA, in it NFTA_DATA_VALUE with the port.
  return [NFTA_CMP_DATA, NFTA_CMP_DATA | NLA_F_NESTED].map((type) =>
    hexDigits(concat([u16(12), u16(type), u16(6), u16(NFTA_DATA_VALUE), be16(port)])),
  )
}

/** Bytes as `listRules` finds them. */
export function hexDigits(bytes: Uint8Array): string {
  // A copy has a buffer of its own, which begins where it does.
  const copy = Uint8Array.from(bytes)
  return sys.hex(copy.buffer, 0, copy.length)
}

function loadedField(name: 'meta' | 'payload' | 'ct', data: View | undefined): Field {
  if (name === 'ct') return 'ct'
  if (name === 'meta') return nested(data, NFTA_META_KEY)?.be32() === NFT_META_L4PROTO ? 'l4proto' : 'other'
  const place = [NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_OFFSET, NFTA_PAYLOAD_LEN].map((type) => nested(data, type)?.be32())
  return payloads[place.join(' ')] ?? 'other'
}

function nested(view: View | undefined, ...types: number[]): View | undefined {
  return types.reduce((inner, type) => inner?.attributes().get(type), view)
}
