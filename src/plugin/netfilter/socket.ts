// The one socket through which a plugin changes the node's nftables.

import { EPROTONOSUPPORT } from '../../host/errno.ts'
import { isSysError } from '../../host/error.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { openNftables } from '../../kernel/nftables/batch.ts'

let socket: NetlinkSocket | undefined

/**
 * Opened in the node's namespace on first use and never closed: the kernel blocks a close until deleted rules are out of use
 * by every CPU, 10 ms and more, which pass unnoticed while the plugin does the rest of its work.
 */
export function hostNftables(): NetlinkSocket {
  socket ??= openNftables()
  return socket
}

/** Runs a step that looks for rules to remove: a kernel without netfilter's netlink has none. */
export function whereNftables(step: () => void): void {
  try {
    step()
  } catch (error) {
    if (!isSysError(error, EPROTONOSUPPORT)) throw error
  }
}
