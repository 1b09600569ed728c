// Named sets and maps: what their keys and data are. The elements are in element.ts.

import { NLM_F_CREATE } from '../netlink/constants.ts'
import type { Received } from '../netlink/decode.ts'
import { type Attribute, be32, concat, cstr, u32 } from '../netlink/encode.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import {
  commentData,
  NFTNL_UDATA_SET_COMMENT,
  NFTNL_UDATA_SET_DATABYTEORDER,
  NFTNL_UDATA_SET_KEYBYTEORDER,
  readComment,
  userData,
} from './comment.ts'
import {
  NFT_DATA_VERDICT,
  NFT_MSG_DELSET,
  NFT_MSG_GETSET,
  NFT_MSG_NEWSET,
  NFT_SET_CONCAT,
  NFT_SET_INTERVAL,
  NFT_SET_MAP,
  NFTA_LIST_ELEM,
  NFTA_SET_DATA_LEN,
  NFTA_SET_DATA_TYPE,
  NFTA_SET_DESC,
  NFTA_SET_DESC_CONCAT,
  NFTA_SET_FIELD_LEN,
  NFTA_SET_FLAGS,
  NFTA_SET_ID,
  NFTA_SET_KEY_LEN,
  NFTA_SET_KEY_TYPE,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
  NFTA_SET_USERDATA,
} from './constants.ts'
import { describeTable, dumpObjects, nftRequest, type Request, type TableRef } from './request.ts'

// nft's own types, under its names (its include/datatype.h: enum datatypes, enum byteorder). To the kernel only the length matters;
// the number and the byte order are how nft knows the form of an element.
const HOST_ENDIAN = 1
const BIG_ENDIAN = 2
const types = {
  ipv4_addr: { id: 7, length: 4, order: BIG_ENDIAN },
  ipv6_addr: { id: 8, length: 16, order: BIG_ENDIAN },
  ether_addr: { id: 9, length: 6, order: BIG_ENDIAN },
  inet_proto: { id: 12, length: 1, order: BIG_ENDIAN },
  inet_service: { id: 13, length: 2, order: BIG_ENDIAN },
  mark: { id: 19, length: 4, order: HOST_ENDIAN },
  ifname: { id: 41, length: 16, order: HOST_ENDIAN },
} as const
export type SetType = keyof typeof types

export interface SetSpec {
  readonly name: string
  /** `type KEY . KEY…` */
  readonly key: readonly SetType[]
  /** Makes it a map: `: DATA . DATA…`, or `: verdict`. */
  readonly data?: readonly SetType[] | 'verdict'
  /** `flags interval`: elements are ranges; without it they are single values. */
  readonly interval?: boolean
  readonly comment?: string
}

export interface KernelSet {
  readonly name: string
  readonly flags: number
  readonly keyType: number
  readonly keyLength: number
  readonly dataType: number
  readonly comment: string
}

/** `add set FAMILY TABLE NAME { type …; flags interval; comment "…" }`, or `add map`; EEXIST where one of another type has the name. */
export function addSet(ref: TableRef, spec: SetSpec): Request {
  const { name, key, data, interval = false, comment = '' } = spec
  const joinedRanges = interval && key.length > 1
  const flags = (interval ? NFT_SET_INTERVAL : 0) | (data ? NFT_SET_MAP : 0) | (joinedRanges ? NFT_SET_CONCAT : 0)
  const attributes: Attribute[] = [
    ...named(ref, name),
    [NFTA_SET_FLAGS, be32(flags)],
    [NFTA_SET_KEY_TYPE, be32(typeNumber(key))],
    [NFTA_SET_KEY_LEN, be32(typeLength(key))],
  ]
  if (data) attributes.push([NFTA_SET_DATA_TYPE, be32(dataTypeNumber(data))], [NFTA_SET_DATA_LEN, be32(dataLength(data))])
  // A name of the set within the transaction. The kernel insists on one, and we refer to sets by their own names.
  attributes.push([NFTA_SET_ID, be32(1)])
  if (joinedRanges) attributes.push([NFTA_SET_DESC, fieldLengths(key)])
  attributes.push([NFTA_SET_USERDATA, setUserData(key, data, comment)])
  const op = `add ${data ? 'map' : 'set'} ${describeTable(ref)} ${name}`
  return nftRequest(op, NFT_MSG_NEWSET, NLM_F_CREATE, ref.family, attributes)
}

/** `delete set FAMILY TABLE NAME`; EBUSY while a rule looks into it. */
export function deleteSet(ref: TableRef, name: string): Request {
  return nftRequest(`delete set ${describeTable(ref)} ${name}`, NFT_MSG_DELSET, 0, ref.family, named(ref, name))
}

/** `list sets table FAMILY TABLE`, maps and the anonymous sets of rules among them. */
export function listSets(socket: NetlinkSocket, ref: TableRef): KernelSet[] {
  const request = nftRequest(`list sets ${describeTable(ref)}`, NFT_MSG_GETSET, 0, ref.family, [[NFTA_SET_TABLE, cstr(ref.table)]])
  return dumpObjects(socket, request).map(decodeSet)
}

/** nft joins the type numbers of a concatenation six bits each. */
export function typeNumber(key: readonly SetType[]): number {
  return key.reduce((number, type) => number * 64 + types[type].id, 0)
}

/** Joined fields are padded to registers of four bytes; one alone is as long as it is. */
export function typeLength(key: readonly SetType[]): number {
  const [first] = key
  return first && key.length === 1 ? types[first].length : key.reduce((sum, type) => sum + padded(types[type].length), 0)
}

function named(ref: TableRef, name: string): Attribute[] {
  return [
    [NFTA_SET_TABLE, cstr(ref.table)],
    [NFTA_SET_NAME, cstr(name)],
  ]
}

function dataTypeNumber(data: readonly SetType[] | 'verdict'): number {
  return data === 'verdict' ? NFT_DATA_VERDICT : typeNumber(data)
}

function dataLength(data: readonly SetType[] | 'verdict'): number {
  return data === 'verdict' ? 0 : typeLength(data)
}

/** Ranges of joined fields are looked up field by field, so the kernel has to know where each ends. */
function fieldLengths(key: readonly SetType[]): Attribute[] {
  const fields = key.map((type): Attribute => [NFTA_LIST_ELEM, [[NFTA_SET_FIELD_LEN, be32(types[type].length)]]])
  return [[NFTA_SET_DESC_CONCAT, fields]]
}

function setUserData(key: readonly SetType[], data: SetSpec['data'], comment: string): Uint8Array {
  const records = [userData(NFTNL_UDATA_SET_KEYBYTEORDER, u32(byteOrder(key)))]
  if (data) records.push(userData(NFTNL_UDATA_SET_DATABYTEORDER, u32(data === 'verdict' ? 0 : byteOrder(data))))
  if (comment) records.push(commentData(NFTNL_UDATA_SET_COMMENT, comment))
  return concat(records)
}

/** A concatenation has none of its own: 0. */
function byteOrder(key: readonly SetType[]): number {
  const [first] = key
  return first && key.length === 1 ? types[first].order : 0
}

function padded(length: number): number {
  return (length + 3) & ~3
}

function decodeSet({ body }: Received): KernelSet {
  const attributes = body.attributes(4)
  const number = (type: number) => attributes.get(type)?.be32() ?? 0
  return {
    name: attributes.get(NFTA_SET_NAME)?.text() ?? '',
    flags: number(NFTA_SET_FLAGS),
    keyType: number(NFTA_SET_KEY_TYPE),
    keyLength: number(NFTA_SET_KEY_LEN),
    dataType: number(NFTA_SET_DATA_TYPE),
    comment: readComment(attributes.get(NFTA_SET_USERDATA), NFTNL_UDATA_SET_COMMENT),
  }
}
