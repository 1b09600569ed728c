// The fixed structure that qdiscs and filters share.

import { concat, u32 } from '../netlink/encode.ts'

/** What a request is about; what is absent is 0. */
export interface TcTarget {
  readonly ifindex: number
  readonly handle?: number
  readonly parent?: number
  readonly info?: number
}

export const TCMSG_LENGTH = 20

/** linux/rtnetlink.h: tcmsg. */
export function tcmsg({ ifindex, handle = 0, parent = 0, info = 0 }: TcTarget): Uint8Array {
  // unsigned char tcm_family, tcm__pad1; unsigned short tcm__pad2; int tcm_ifindex; __u32 tcm_handle, tcm_parent, tcm_info;
  return concat([u32(0), u32(ifindex), u32(handle), u32(parent), u32(info)])
}
