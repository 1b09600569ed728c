// A request to rtnetlink with the name of its operation, and the family's fixed structures.

import { AF_INET, AF_INET6 } from '../../host/socket.ts'
import type { Address } from '../../net/address.ts'
import type { Message } from '../netlink/encode.ts'

/** `op` is how an error names the attempt: `add address 10.1.0.5/24`. A getter where the text costs more than the request. */
export interface Request extends Message {
  readonly op: string
}

export function addressFamily(address: Address): number {
  return address.family === 4 ? AF_INET : AF_INET6
}

/** linux/rtnetlink.h: ifinfomsg. */
export function ifinfomsg(options: { family?: number; index?: number; flags?: number; change?: number }): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  // unsigned char ifi_family; unsigned char __ifi_pad; unsigned short ifi_type;
  // int ifi_index; unsigned ifi_flags; unsigned ifi_change;
  view.setUint8(0, options.family ?? 0)
  view.setInt32(4, options.index ?? 0, true)
  view.setUint32(8, options.flags ?? 0, true)
  view.setUint32(12, options.change ?? 0, true)
  return bytes
}
