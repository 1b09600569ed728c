// Rules: added, deleted, read back, compared. Nothing here knows what a rule means; its line is written with match.ts and statement.ts.

import { NLM_F_APPEND, NLM_F_CREATE } from '../netlink/constants.ts'
import type { Filter, Received, View } from '../netlink/decode.ts'
import { type Attribute, be64, concat, cstr, sameBytes } from '../netlink/encode.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import { commentData, NFTNL_UDATA_RULE_COMMENT, noteData, PODWIRE_UDATA_RULE_NOTE, readComment } from './comment.ts'
import {
  NFT_MSG_DELRULE,
  NFT_MSG_GETRULE,
  NFT_MSG_NEWRULE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_IMMEDIATE_DATA,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_TABLE,
  NFTA_RULE_USERDATA,
  NFTA_VERDICT_CHAIN,
} from './constants.ts'
import type { Expression } from './expression.ts'
import { describeTable, dumpObjects, nftRequest, type Request, type TableRef } from './request.ts'

export interface KernelRule {
  readonly chain: string
  readonly handle: number
  readonly comment: string
  /** podwire's own note, '' where there is none. */
  readonly note: string
  /** The list of its expressions, not yet parsed. */
  readonly list: View | undefined
}

/** `add rule FAMILY TABLE CHAIN EXPRESSIONS comment "…"`: behind those that the chain has. `note` goes with the comment, unseen. */
export function addRule(ref: TableRef, chain: string, expressions: readonly Expression[], comment = '', note = ''): Request {
  return newRule('add', NLM_F_APPEND, ref, chain, expressions, comment, note)
}

/** `insert rule …`: before those that the chain has. */
export function insertRule(ref: TableRef, chain: string, expressions: readonly Expression[], comment = ''): Request {
  return newRule('insert', 0, ref, chain, expressions, comment, '')
}

/** `delete rule FAMILY TABLE CHAIN handle N`; ENOENT where it is gone. */
export function deleteRule(ref: TableRef, chain: string, handle: number): Request {
  return nftRequest(`delete rule ${describeTable(ref)} ${chain} handle ${handle}`, NFT_MSG_DELRULE, 0, ref.family, [
    ...chained(ref, chain),
    [NFTA_RULE_HANDLE, be64(handle)],
  ])
}

/** `flush chain FAMILY TABLE CHAIN` */
export function flushChain(ref: TableRef, chain: string): Request {
  return nftRequest(`flush chain ${describeTable(ref)} ${chain}`, NFT_MSG_DELRULE, 0, ref.family, chained(ref, chain))
}

/**
 * `list chain FAMILY TABLE CHAIN`, or without `chain` the rules of the whole table; none where the table does not exist.
 * With `containing`, at least those in which something of it occurs (names, comments, values): taking every rule of a long chain apart takes milliseconds.
 */
export function listRules(
  socket: NetlinkSocket,
  ref: TableRef,
  { chain, containing }: { chain?: string; containing?: Filter | undefined } = {},
): KernelRule[] {
  const filter: Attribute[] = chain === undefined ? [[NFTA_RULE_TABLE, cstr(ref.table)]] : chained(ref, chain)
  const request = nftRequest(`list rules ${describeTable(ref)} ${chain ?? ''}`.trimEnd(), NFT_MSG_GETRULE, 0, ref.family, filter)
  return dumpObjects(socket, request, containing).map(decodeRule)
}

/** Its expressions by name, in order; `data` holds the attributes of the expression itself. */
export function expressionsOf({ list }: KernelRule): { name: string; data: View | undefined }[] {
  return (list?.list() ?? []).map(([, element]) => {
    const attributes = element.attributes()
    return { name: attributes.get(NFTA_EXPR_NAME)?.text() ?? '', data: attributes.get(NFTA_EXPR_DATA) }
  })
}

/** The chain that the rule jumps or goes to; '' where it does neither. */
export function targetChain(rule: KernelRule): string {
  for (const { name, data } of expressionsOf(rule)) {
    if (name !== 'immediate') continue
    const verdict = data?.attributes().get(NFTA_IMMEDIATE_DATA)?.attributes().get(NFTA_DATA_VERDICT)
    const chain = verdict?.attributes().get(NFTA_VERDICT_CHAIN)
    if (chain) return chain.text()
  }
  return ''
}

/** True where the kernel's rule is made of exactly `expressions`; what a counter has counted does not matter. */
export function ruleConsistsOf(rule: KernelRule, expressions: readonly Expression[]): boolean {
  const found = rule.list?.list() ?? []
  return found.length === expressions.length && expressions.every(([, value], i) => sameValue(found[i]?.[1], value))
}

function newRule(
  verb: string,
  flags: number,
  ref: TableRef,
  chain: string,
  expressions: readonly Expression[],
  comment: string,
  note: string,
): Request {
  const attributes: Attribute[] = [...chained(ref, chain), [NFTA_RULE_EXPRESSIONS, expressions]]
  const records = [...(comment ? [commentData(NFTNL_UDATA_RULE_COMMENT, comment)] : []), ...(note ? [noteData(note)] : [])]
  if (records.length > 0) attributes.push([NFTA_RULE_USERDATA, concat(records)])
  const op = `${verb} rule ${describeTable(ref)} ${chain}`
  return nftRequest(op, NFT_MSG_NEWRULE, NLM_F_CREATE | flags, ref.family, attributes)
}

function chained(ref: TableRef, chain: string): Attribute[] {
  return [
    [NFTA_RULE_TABLE, cstr(ref.table)],
    [NFTA_RULE_CHAIN, cstr(chain)],
  ]
}

function decodeRule({ body }: Received): KernelRule {
  const attributes = body.attributes(4)
  return {
    chain: attributes.get(NFTA_RULE_CHAIN)?.text() ?? '',
    handle: attributes.get(NFTA_RULE_HANDLE)?.be64() ?? 0,
    comment: readComment(attributes.get(NFTA_RULE_USERDATA), NFTNL_UDATA_RULE_COMMENT),
    note: readComment(attributes.get(NFTA_RULE_USERDATA), PODWIRE_UDATA_RULE_NOTE),
    list: attributes.get(NFTA_RULE_EXPRESSIONS),
  }
}

/**
 * The kernel writes an object back in its own order and adds what was left at its default, which is always zero.
 * No nest but a list repeats a type, and lists are compared element by element.
 */
function sameValue(found: View | undefined, wanted: Attribute[1]): boolean {
  if (!found) return false
  if (wanted instanceof Uint8Array) return sameBytes(found.bytes(), wanted)
  const attributes = new Map(found.list())
  if (attributes.get(NFTA_EXPR_NAME)?.text() === 'counter') return isCounter(wanted)
  for (const [type, value] of wanted) {
    if (!sameValue(attributes.get(type), value)) return false
    attributes.delete(type)
  }
  return [...attributes.values()].every((rest) => rest.bytes().every((byte) => byte === 0))
}

function isCounter(wanted: readonly Attribute[]): boolean {
  const name = wanted.find(([type]) => type === NFTA_EXPR_NAME)?.[1]
  return name instanceof Uint8Array && sameBytes(name, cstr('counter'))
}
