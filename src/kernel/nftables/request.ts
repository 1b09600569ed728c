// A request to nf_tables with the name of its operation, and the header of every request.

import { EINVAL, EOPNOTSUPP } from '../../host/errno.ts'
import { isSysError } from '../../host/error.ts'
import type { Filter, Received } from '../netlink/decode.ts'
import { type Attribute, be16, concat, type Message, u8 } from '../netlink/encode.ts'
import { dump, type NetlinkSocket } from '../netlink/socket.ts'
import { NFNL_SUBSYS_NFTABLES, NFPROTO_BRIDGE, NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6 } from './constants.ts'

/** `op` is how an error names the attempt: `add chain inet podwire postrouting`. */
export interface Request extends Message {
  readonly op: string
}

const families = { inet: NFPROTO_INET, ip: NFPROTO_IPV4, ip6: NFPROTO_IPV6, bridge: NFPROTO_BRIDGE } as const
export type Family = keyof typeof families

/** `inet podwire`: what chains, rules and sets belong to. */
export interface TableRef {
  readonly family: Family
  readonly table: string
}

export function describeTable({ family, table }: TableRef): string {
  return `${family} ${table}`
}

/** `type` is an NFT_MSG_*, `flags` NLM_F_*. */
export function nftRequest(op: string, type: number, flags: number, family: Family, attributes: readonly Attribute[]): Request {
  return { op, type: (NFNL_SUBSYS_NFTABLES << 8) | type, flags, body: nfgenmsg(families[family], 0), attributes }
}

/** linux/netfilter/nfnetlink.h: nfgenmsg {__u8 nfgen_family; __u8 version; __be16 res_id;} */
export function nfgenmsg(family: number, resource: number): Uint8Array {
  return concat([u8(family), u8(0), be16(resource)])
}

/** The objects of a dump, or those in which something of `containing` occurs; none where this kernel has no nf_tables at all. */
export function dumpObjects(socket: NetlinkSocket, request: Request, containing?: Filter): Received[] {
  try {
    return dump(socket, request, containing)
  } catch (error) {
    if (isSysError(error, EINVAL, EOPNOTSUPP)) return []
    throw error
  }
}
