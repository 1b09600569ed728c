// The elements of sets and maps: single values, joined values, ends of ranges.

import { EINVAL, ENOENT, EOPNOTSUPP } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/constants.ts'
import type { View } from '../netlink/decode.ts'
import { type Attribute, be32, concat, cstr } from '../netlink/encode.ts'
import { exchange, type NetlinkSocket } from '../netlink/socket.ts'
import { commentData, NFTNL_UDATA_SET_ELEM_COMMENT, readComment } from './comment.ts'
import {
  NFT_MSG_DELSETELEM,
  NFT_MSG_GETSETELEM,
  NFT_MSG_NEWSETELEM,
  NFT_SET_ELEM_INTERVAL_END,
  NFTA_DATA_VALUE,
  NFTA_LIST_ELEM,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_KEY_END,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_ELEM_USERDATA,
} from './constants.ts'
import { dataValue, dataVerdict, type Verdict } from './expression.ts'
import { describeTable, dumpObjects, nftRequest, type Request, type TableRef } from './request.ts'

export interface Element {
  readonly key: Uint8Array
  /** The last key of a range, in sets whose joined keys are ranges. */
  readonly keyEnd?: Uint8Array | undefined
  /** In an interval set of one field: the range that began before ends in front of this key. */
  readonly end?: boolean | undefined
  /** Of a map. */
  readonly data?: Uint8Array | Verdict | undefined
  readonly comment?: string | undefined
}

/** An attribute holds 64 KiB; an element with everything in it takes less than 400 bytes. */
const ELEMENTS_PER_MESSAGE = 128

/** `add element FAMILY TABLE SET { … }`, in as many messages as needed; an element that exists is fine, EEXIST where its data differ. */
export function addElements(ref: TableRef, set: string, elements: readonly Element[]): Request[] {
  return inMessages('add', NFT_MSG_NEWSETELEM, NLM_F_CREATE, ref, set, elements)
}

/** `create element FAMILY TABLE SET { … }`: EEXIST where one is there already. */
export function createElements(ref: TableRef, set: string, elements: readonly Element[]): Request[] {
  return inMessages('create', NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, ref, set, elements)
}

/** `delete element FAMILY TABLE SET { … }`; ENOENT where one is not there. */
export function deleteElements(ref: TableRef, set: string, elements: readonly Element[]): Request[] {
  return inMessages('delete', NFT_MSG_DELSETELEM, 0, ref, set, elements)
}

/** `flush set FAMILY TABLE SET` */
export function flushSet(ref: TableRef, set: string): Request {
  return nftRequest(`flush set ${describeTable(ref)} ${set}`, NFT_MSG_DELSETELEM, 0, ref.family, named(ref, set))
}

/** `list set FAMILY TABLE SET`; ENOENT where it does not exist. Of a map's data only plain values are read back. */
export function listElements(socket: NetlinkSocket, ref: TableRef, set: string): Element[] {
  const request = nftRequest(`list elements of ${describeTable(ref)} ${set}`, NFT_MSG_GETSETELEM, 0, ref.family, named(ref, set))
  return dumpObjects(socket, request).flatMap(({ body }) => decodeElements(body))
}

/** How many answers, a few hundred bytes each in a buffer of its own, surely find room in the socket. */
const KEYS_PER_EXCHANGE = 32

/** `get element FAMILY TABLE SET { … }`: those of `keys` that exist; empty where the set does not exist. Independent of the set's size. */
export function findElements(socket: NetlinkSocket, ref: TableRef, set: string, keys: readonly Uint8Array[]): Element[] {
  const found: Element[] = []
  for (let from = 0; from < keys.length; from += KEYS_PER_EXCHANGE) {
    const requests = keys.slice(from, from + KEYS_PER_EXCHANGE).map((key) => {
      const list: Attribute = [NFTA_SET_ELEM_LIST_ELEMENTS, [[NFTA_LIST_ELEM, encodeElement({ key })]]]
      return nftRequest(`find an element of ${describeTable(ref)} ${set}`, NFT_MSG_GETSETELEM, 0, ref.family, [...named(ref, set), list])
    })
    const { answers, failures } = exchange(socket, requests)
    const failure = failures.find(({ errno }) => ![ENOENT, EINVAL, EOPNOTSUPP].includes(errno))
    if (failure) throw new SysError(requests[failure.index]?.op ?? 'find elements', failure.errno, failure.detail)
    for (const answer of answers) for (const { body } of answer) found.push(...decodeElements(body))
  }
  return found
}

/** The elements of a message about a set. */
export function decodeElements(body: View): Element[] {
  const list = body.attributes(4).get(NFTA_SET_ELEM_LIST_ELEMENTS)?.list() ?? []
  return list.map(([, element]) => {
    const attributes = element.attributes()
    const value = (type: number) => attributes.get(type)?.attributes().get(NFTA_DATA_VALUE)?.bytes()
    return {
      key: value(NFTA_SET_ELEM_KEY) ?? new Uint8Array(0),
      keyEnd: value(NFTA_SET_ELEM_KEY_END),
      end: ((attributes.get(NFTA_SET_ELEM_FLAGS)?.be32() ?? 0) & NFT_SET_ELEM_INTERVAL_END) !== 0,
      data: value(NFTA_SET_ELEM_DATA),
      comment: readComment(attributes.get(NFTA_SET_ELEM_USERDATA), NFTNL_UDATA_SET_ELEM_COMMENT),
    }
  })
}

/** `VALUE . VALUE…`: each padded to four bytes, as field.joined() lays them out. */
export function joinedKey(values: readonly Uint8Array[]): Uint8Array {
  return concat(values.flatMap((value) => [value, new Uint8Array(-value.length & 3)]))
}

function inMessages(verb: string, type: number, flags: number, ref: TableRef, set: string, elements: readonly Element[]): Request[] {
  const requests: Request[] = []
  for (let from = 0; from < elements.length; from += ELEMENTS_PER_MESSAGE) {
    const some = elements.slice(from, from + ELEMENTS_PER_MESSAGE)
    const op = `${verb} ${some.length} elements of ${describeTable(ref)} ${set}`
    const list: Attribute = [NFTA_SET_ELEM_LIST_ELEMENTS, some.map((element): Attribute => [NFTA_LIST_ELEM, encodeElement(element)])]
    requests.push(nftRequest(op, type, flags, ref.family, [...named(ref, set), list]))
  }
  return requests
}

function named(ref: TableRef, set: string): Attribute[] {
  return [
    [NFTA_SET_ELEM_LIST_TABLE, cstr(ref.table)],
    [NFTA_SET_ELEM_LIST_SET, cstr(set)],
  ]
}

function encodeElement({ key, keyEnd, end, data, comment }: Element): Attribute[] {
  const attributes: Attribute[] = []
  if (end) attributes.push([NFTA_SET_ELEM_FLAGS, be32(NFT_SET_ELEM_INTERVAL_END)])
  attributes.push([NFTA_SET_ELEM_KEY, dataValue(key)])
  if (keyEnd) attributes.push([NFTA_SET_ELEM_KEY_END, dataValue(keyEnd)])
  if (data) attributes.push([NFTA_SET_ELEM_DATA, data instanceof Uint8Array ? dataValue(data) : dataVerdict(data)])
  if (comment) attributes.push([NFTA_SET_ELEM_USERDATA, commentData(NFTNL_UDATA_SET_ELEM_COMMENT, comment)])
  return attributes
}
