// Elements of interval sets by the thousand. A bound is where a range begins, as packed address, or, with `-` behind it, where one has ended.

import { ENOENT } from '../../host/errno.ts'
import { isSysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import { type Packed, type PackedPrefix, packedLast, packedNext, unpackBytes } from '../../net/packed.ts'
import { dumpBodies } from '../netlink/bulk.ts'
import { type Body, hexAttribute, readHexAttributes } from '../netlink/hex.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import {
  NFT_MSG_GETSETELEM,
  NFTA_DATA_VALUE,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
} from './constants.ts'
import type { Element } from './element.ts'
import { describeTable, nftRequest, type TableRef } from './request.ts'

export type Bound = string

/** The bounds of the ranges that hold `prefixes`, all of one family; what overlaps or touches becomes one range. */
export function intervalBounds(prefixes: readonly PackedPrefix[]): Bound[] {
  const digits = prefixes[0]?.first.length ?? 0
  // Sorted as text in one piece each: a comparing function would be called a hundred thousand times.
  const ordered = prefixes.map((prefix) => prefix.first + packedLast(prefix)).sort()
  const bounds: Bound[] = []
  let last: Packed | undefined
  for (const range of ordered) {
    const first = range.slice(0, digits)
    const end = range.slice(digits)
    if (last !== undefined && first <= last) {
      if (end > last) last = end
      continue
    }
    const next = last && packedNext(last)
    if (first !== next) {
      if (next !== undefined) bounds.push(`${next}-`)
      bounds.push(first)
    }
    last = end
  }
  // A range that reaches the end of the address space has none.
  const end = last && packedNext(last)
  if (end !== undefined) bounds.push(`${end}-`)
  return bounds
}

export function boundElement(bound: Bound): Element {
  return bound.endsWith('-') ? { key: unpackBytes(bound.slice(0, -1)), end: true } : { key: unpackBytes(bound) }
}

/** `list set FAMILY TABLE SET`; undefined where the set does not exist. */
export function dumpBounds(socket: NetlinkSocket, ref: TableRef, set: string): Bound[] | undefined {
  return dumpElementBodies(socket, ref, set)?.flatMap(readBounds)
}

/** The bodies of the messages that list the elements; undefined where the set does not exist. */
export function dumpElementBodies(socket: NetlinkSocket, ref: TableRef, set: string): Body[] | undefined {
  const request = nftRequest(`list elements of ${describeTable(ref)} ${set}`, NFT_MSG_GETSETELEM, 0, ref.family, [])
  const family = sys.hex(request.body.slice().buffer, 0, request.body.length)
  const names = hexAttribute(NFTA_SET_ELEM_LIST_TABLE, hexText(ref.table)) + hexAttribute(NFTA_SET_ELEM_LIST_SET, hexText(set))
  try {
    return dumpBodies(socket, request.op, request.type, family + names)
  } catch (error) {
    if (isSysError(error, ENOENT)) return undefined
    throw error
  }
}

/** Behind nfgenmsg the names of table and set, then the list. */
function readBounds(body: Body): Bound[] {
  const list = readHexAttributes(body, 8)?.get(NFTA_SET_ELEM_LIST_ELEMENTS) ?? ''
  const bounds: Bound[] = []
  for (let at = 0; at + 8 <= list.length; ) {
    const size = 2 * (Number.parseInt(list.slice(at, at + 2), 16) + 256 * Number.parseInt(list.slice(at + 2, at + 4), 16))
    if (size < 8) break
    bounds.push(readBound(list, at, at + size))
    at += (size + 7) & ~7
  }
  return bounds
}

/** An element that is nothing but a key lies there like this, and most are. */
const PLAIN: Readonly<Record<string, number>> = { '100001000c00010008000100': 8, '1c0001001800010014000100': 32 }
const ENDING: Readonly<Record<string, number>> = { '180001000c00010008000100': 8, '240001001800010014000100': 32 }
const END_FLAG = '0800030000000001'

function readBound(list: string, start: number, end: number): Bound {
  const head = list.slice(start, start + 24)
  const plain = PLAIN[head]
  if (plain !== undefined) return list.slice(start + 24, start + 24 + plain)
  const ending = ENDING[head]
  if (ending !== undefined && list.startsWith(END_FLAG, start + 24 + ending)) return `${list.slice(start + 24, start + 24 + ending)}-`
  const attributes = readHexAttributes(list.slice(start + 8, end), 0)
  const key = readHexAttributes(attributes?.get(NFTA_SET_ELEM_KEY) ?? '', 0)?.get(NFTA_DATA_VALUE) ?? ''
  return attributes?.get(NFTA_SET_ELEM_FLAGS) === '00000001' ? `${key}-` : key
}

function hexText(text: string): string {
  const bytes = sys.encodeUtf8(`${text}\0`)
  return sys.hex(bytes, 0, bytes.byteLength)
}
