// The one socket through which a plugin changes the node's nftables.

import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import { openNftables } from '../kernel/nftables/batch.ts'

let socket: NetlinkSocket | undefined

/**
 * Opened in the node's namespace by the first who asks, and never closed: the kernel lets a close wait until deleted rules are out of use
 * by every CPU, 10 ms and more, which pass unnoticed while the plugin does the rest of its work.
 */
export function hostNftables(): NetlinkSocket {
  socket ??= openNftables()
  return socket
}
