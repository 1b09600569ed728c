// The last wait of an ADD: the kernel sets a link operational a moment after it has a carrier, in a work queue.

import { ENODEV, ETIMEDOUT } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { IF_OPER_UP } from '../../kernel/route/constants.ts'
import { findLink, type Link } from '../../kernel/route/link.ts'

/** Milliseconds between two reads of the link's state. Usually the first is enough. */
const WAITS = [1, 2, 5, 20, 50, 500, 1000, 1000]

/**
 * Waits, about 2.5 s at most, for the host's end of a pair whose other end has just been set up. Until then the kernel drops what the host sends there,
 * and a bridge neither floods nor forwards to it: the pod's first neighbour solicitation would be lost, and sent again after a second. Returns the
 * link as it is then. Since 6.9 reading the link updates its state (rtnetlink.c: linkwatch_sync_dev).
 */
export function awaitUp(route: NetlinkSocket, { index, name }: Pick<Link, 'index' | 'name'>): Link {
  for (const wait of [0, ...WAITS]) {
    if (wait > 0) sys.nanosleep(wait)
    const link = findLink(route, { index })
    if (!link) throw new SysError(`wait for ${name} to come up`, ENODEV, 'the pod and its interface are gone')
    if (link.operstate === IF_OPER_UP) return link
  }
  throw new SysError(`wait for ${name} to come up`, ETIMEDOUT, 'the link has no carrier, or its bridge port is in error state')
}
