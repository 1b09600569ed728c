// The names that nft shows as `comment "…"`. They live in the objects' user data, which the kernel keeps and never reads:
// nft's own records of type (one byte), length (one byte) and value, without padding (libnftnl/udata.h).

import { sys } from '../../host/sys.ts'
import type { View } from '../netlink/decode.ts'
import { concat } from '../netlink/encode.ts'

// enum nftnl_udata_types, nftnl_udata_table_types, …_chain_types, …_set_types, …_set_elem_types
export const NFTNL_UDATA_RULE_COMMENT = 0
export const NFTNL_UDATA_TABLE_COMMENT = 0
export const NFTNL_UDATA_CHAIN_COMMENT = 0
export const NFTNL_UDATA_SET_KEYBYTEORDER = 0
export const NFTNL_UDATA_SET_DATABYTEORDER = 1
export const NFTNL_UDATA_SET_COMMENT = 7
export const NFTNL_UDATA_SET_ELEM_COMMENT = 0

/** None of nft's, which passes over what it does not know: a note that is never shown. */
export const PODWIRE_UDATA_RULE_NOTE = 0x70

/** NFTNL_UDATA_COMMENT_MAXLEN: what nft takes from its users; the kernel's room is twice that. */
const COMMENT_MAXLEN = 128
const NOTE_MAXLEN = 120

/** One record. */
export function userData(type: number, value: Uint8Array): Uint8Array {
  if (value.length > 255) throw new RangeError(`nftables user data of ${value.length} bytes, 255 is the limit`)
  return concat([Uint8Array.of(type, value.length), value])
}

/** A comment's record: the text, cut to the 128 bytes that nft allows, and a NUL. */
export function commentData(type: number, text: string): Uint8Array {
  const bytes = new Uint8Array(sys.encodeUtf8(fitComment(text)))
  return userData(type, concat([bytes, Uint8Array.of(0)]))
}

/** A note's record; with a comment as well there is room for 120 bytes (NFT_USERDATA_MAXLEN is 256). */
export function noteData(text: string): Uint8Array {
  return userData(PODWIRE_UDATA_RULE_NOTE, new Uint8Array(sys.encodeUtf8(fitComment(text, NOTE_MAXLEN))))
}

/** The text without the characters that no longer fit. */
export function fitComment(text: string, room = COMMENT_MAXLEN): string {
  const bytes = new Uint8Array(sys.encodeUtf8(text))
  if (bytes.length <= room) return text
  let end = room
  // Not through the middle of a character: 0b10… continues one.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return sys.decodeUtf8(bytes.buffer, 0, end)
}

/** The text of the record `type`, '' where there is none, or where the data are not laid out as nft's. */
export function readComment(data: View | undefined, type: number): string {
  let at = 0
  while (data && at + 2 <= data.length) {
    const length = data.u8(at + 1)
    if (at + 2 + length > data.length) return ''
    if (data.u8(at) === type) return data.sub(at + 2, length).text()
    at += 2 + length
  }
  return ''
}
