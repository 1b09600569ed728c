// The instructions of the nf_tables machine, one function each: what `nft --debug=netlink` shows in brackets.
// Rules are written with match.ts and statement.ts, which make these.

import { type Attribute, be32, cstr } from '../netlink/encode.ts'
import {
  NF_ACCEPT,
  NF_DROP,
  NFT_CMP_EQ,
  NFT_CMP_NEQ,
  NFT_GOTO,
  NFT_JUMP,
  NFT_LOOKUP_F_INV,
  NFT_REG_1,
  NFT_REG_VERDICT,
  NFT_RETURN,
  NFTA_BITWISE_DREG,
  NFTA_BITWISE_LEN,
  NFTA_BITWISE_MASK,
  NFTA_BITWISE_SREG,
  NFTA_BITWISE_XOR,
  NFTA_CMP_DATA,
  NFTA_CMP_OP,
  NFTA_CMP_SREG,
  NFTA_CT_DREG,
  NFTA_CT_KEY,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_FIB_DREG,
  NFTA_FIB_FLAGS,
  NFTA_FIB_RESULT,
  NFTA_IMMEDIATE_DATA,
  NFTA_IMMEDIATE_DREG,
  NFTA_LIST_ELEM,
  NFTA_LOOKUP_DREG,
  NFTA_LOOKUP_FLAGS,
  NFTA_LOOKUP_SET,
  NFTA_LOOKUP_SREG,
  NFTA_META_DREG,
  NFTA_META_KEY,
  NFTA_META_SREG,
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_DREG,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
} from './constants.ts'

/** One instruction, as a rule's list holds it. */
export type Expression = Attribute

/** What becomes of the packet. */
export type Verdict = 'accept' | 'drop' | 'return' | { readonly jump: string } | { readonly goto: string }

/** `[ NAME … ]` with its own attributes. */
export function expression(name: string, data: readonly Attribute[]): Expression {
  const attributes: Attribute[] = [
    [NFTA_EXPR_NAME, cstr(name)],
    [NFTA_EXPR_DATA, data],
  ]
  return [NFTA_LIST_ELEM, attributes]
}

/** `[ meta load KEY => reg R ]` */
export function meta(key: number, register = NFT_REG_1): Expression {
  return expression('meta', [
    [NFTA_META_KEY, be32(key)],
    [NFTA_META_DREG, be32(register)],
  ])
}

/** `[ meta set KEY with reg R ]` */
export function metaSet(key: number, register = NFT_REG_1): Expression {
  return expression('meta', [
    [NFTA_META_KEY, be32(key)],
    [NFTA_META_SREG, be32(register)],
  ])
}

/** `[ payload load LENGTHb @ BASE header + OFFSET => reg R ]` */
export function payload(base: number, offset: number, length: number, register = NFT_REG_1): Expression {
  return expression('payload', [
    [NFTA_PAYLOAD_DREG, be32(register)],
    [NFTA_PAYLOAD_BASE, be32(base)],
    [NFTA_PAYLOAD_OFFSET, be32(offset)],
    [NFTA_PAYLOAD_LEN, be32(length)],
  ])
}

/** `[ ct load KEY => reg R ]` */
export function ct(key: number, register = NFT_REG_1): Expression {
  return expression('ct', [
    [NFTA_CT_KEY, be32(key)],
    [NFTA_CT_DREG, be32(register)],
  ])
}

/** `[ fib FLAGS RESULT => reg R ]` */
export function fib(flags: number, result: number, register = NFT_REG_1): Expression {
  return expression('fib', [
    [NFTA_FIB_FLAGS, be32(flags)],
    [NFTA_FIB_RESULT, be32(result)],
    [NFTA_FIB_DREG, be32(register)],
  ])
}

/** `[ bitwise reg 1 = ( reg 1 & MASK ) ^ 0 ]` */
export function mask(bits: Uint8Array): Expression {
  return expression('bitwise', [
    [NFTA_BITWISE_SREG, be32(NFT_REG_1)],
    [NFTA_BITWISE_DREG, be32(NFT_REG_1)],
    [NFTA_BITWISE_LEN, be32(bits.length)],
    [NFTA_BITWISE_MASK, dataValue(bits)],
    [NFTA_BITWISE_XOR, dataValue(new Uint8Array(bits.length))],
  ])
}

/** `[ cmp eq|neq reg 1 VALUE ]` */
export function cmp(equal: boolean, value: Uint8Array): Expression {
  return expression('cmp', [
    [NFTA_CMP_SREG, be32(NFT_REG_1)],
    [NFTA_CMP_OP, be32(equal ? NFT_CMP_EQ : NFT_CMP_NEQ)],
    [NFTA_CMP_DATA, dataValue(value)],
  ])
}

/** `[ lookup reg 1 set NAME … ]`: a set's answer is whether, a map's answer goes to the register `into`. */
export function lookup(set: string, { inside = true, into }: { inside?: boolean; into?: number } = {}): Expression {
  const data: Attribute[] = [[NFTA_LOOKUP_SREG, be32(NFT_REG_1)]]
  if (into !== undefined) data.push([NFTA_LOOKUP_DREG, be32(into)])
  data.push([NFTA_LOOKUP_SET, cstr(set)])
  if (!inside) data.push([NFTA_LOOKUP_FLAGS, be32(NFT_LOOKUP_F_INV)])
  return expression('lookup', data)
}

/** `[ immediate reg R VALUE ]` */
export function immediate(value: Uint8Array, register = NFT_REG_1): Expression {
  return expression('immediate', [
    [NFTA_IMMEDIATE_DREG, be32(register)],
    [NFTA_IMMEDIATE_DATA, dataValue(value)],
  ])
}

/** `[ immediate reg 0 VERDICT ]` */
export function verdict(value: Verdict): Expression {
  return expression('immediate', [
    [NFTA_IMMEDIATE_DREG, be32(NFT_REG_VERDICT)],
    [NFTA_IMMEDIATE_DATA, dataVerdict(value)],
  ])
}

/** A plain value as nf_tables nests it. */
export function dataValue(value: Uint8Array): Attribute[] {
  return [[NFTA_DATA_VALUE, value]]
}

/** A verdict as nf_tables nests it: in a rule's last instruction, or as a map's data. */
export function dataVerdict(value: Verdict): Attribute[] {
  return [[NFTA_DATA_VERDICT, verdictAttributes(value)]]
}

function verdictAttributes(value: Verdict): Attribute[] {
  if (value === 'accept') return [[NFTA_VERDICT_CODE, be32(NF_ACCEPT)]]
  if (value === 'drop') return [[NFTA_VERDICT_CODE, be32(NF_DROP)]]
  if (value === 'return') return [[NFTA_VERDICT_CODE, be32(NFT_RETURN)]]
  const [code, chain] = 'jump' in value ? [NFT_JUMP, value.jump] : [NFT_GOTO, value.goto]
  return [
    [NFTA_VERDICT_CODE, be32(code)],
    [NFTA_VERDICT_CHAIN, cstr(chain)],
  ]
}
