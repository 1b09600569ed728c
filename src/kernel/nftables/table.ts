// Tables: the outermost name, and the unit that one owner keeps to itself.

import { NLM_F_EXCL } from '../netlink/constants.ts'
import { type Attribute, be32, cstr } from '../netlink/encode.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import { commentData, NFTNL_UDATA_TABLE_COMMENT, readComment } from './comment.ts'
import {
  NFT_MSG_DELTABLE,
  NFT_MSG_GETTABLE,
  NFT_MSG_NEWTABLE,
  NFTA_TABLE_FLAGS,
  NFTA_TABLE_HANDLE,
  NFTA_TABLE_NAME,
  NFTA_TABLE_USERDATA,
} from './constants.ts'
import { describeTable, dumpObjects, type Family, nftRequest, type Request, type TableRef } from './request.ts'

export interface KernelTable {
  readonly name: string
  readonly handle: number
  readonly comment: string
}

/** `add table FAMILY NAME { comment "…" }`; with `exclusive`, `create table`: EEXIST where it is there. */
export function addTable(ref: TableRef, { comment = '', exclusive = false } = {}): Request {
  const attributes: Attribute[] = [
    [NFTA_TABLE_NAME, cstr(ref.table)],
    [NFTA_TABLE_FLAGS, be32(0)],
  ]
  if (comment) attributes.push([NFTA_TABLE_USERDATA, commentData(NFTNL_UDATA_TABLE_COMMENT, comment)])
  return nftRequest(`add table ${describeTable(ref)}`, NFT_MSG_NEWTABLE, exclusive ? NLM_F_EXCL : 0, ref.family, attributes)
}

/** `delete table FAMILY NAME`, with all its content; ENOENT where it does not exist. */
export function deleteTable(ref: TableRef): Request {
  return nftRequest(`delete table ${describeTable(ref)}`, NFT_MSG_DELTABLE, 0, ref.family, [[NFTA_TABLE_NAME, cstr(ref.table)]])
}

/** `list tables FAMILY` */
export function listTables(socket: NetlinkSocket, family: Family): KernelTable[] {
  return dumpObjects(socket, nftRequest(`list tables ${family}`, NFT_MSG_GETTABLE, 0, family, [])).map(({ body }) => {
    const attributes = body.attributes(4)
    return {
      name: attributes.get(NFTA_TABLE_NAME)?.text() ?? '',
      handle: attributes.get(NFTA_TABLE_HANDLE)?.be64() ?? 0,
      comment: readComment(attributes.get(NFTA_TABLE_USERDATA), NFTNL_UDATA_TABLE_COMMENT),
    }
  })
}
