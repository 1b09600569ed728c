// Which notifications mean that the node may have lost what ADD made for a running pod. What the kernel removes with a link is not among them. A link
// that is down is one only where it stays so: ADD makes it down, and DEL takes it down.

import { ALIAS_PREFIX } from '../contract/marks.ts'
import { AF_BRIDGE } from '../host/socket.ts'
import { sys } from '../host/sys.ts'
import { withNetlink } from '../kernel/netlink/socket.ts'
import { readAddress } from '../kernel/route/address-body.ts'
import { IFF_UP, NETLINK_ROUTE, RT_TABLE_MAIN, RTPROT_BOOT } from '../kernel/route/constants.ts'
import { findLinks, type Link } from '../kernel/route/link.ts'
import { notificationOf } from '../kernel/route/notification.ts'
import { readRoute } from '../kernel/route/route-body.ts'
import { formatPacked, packedBits } from '../net/packed.ts'
import type { Message, NodeEvent } from './notification.ts'
import { formatPrefix } from './paths.ts'

/** Milliseconds that a pod's link may be down, or without its bridge. */
const GRACE = 300

/** Has a lifetime: the links that went down, maybe as part of an ADD or DEL. */
export class PodWatch {
  readonly #down = new Set<number>()
  /** Ports that have left their bridge. */
  readonly #left = new Set<number>()
  #since = 0

  /** The event of a route or an address that another process deleted; links are noted for `due`. `now` in milliseconds. */
  judge(message: Message, now: number): NodeEvent | undefined {
    const notification = notificationOf(message.type)
    if (notification?.object === 'link') this.#judgeLink(message, notification.deleted, now)
    // Port 0: the kernel, which deletes both with the link.
    if (!notification?.deleted || message.port === 0) return undefined
    if (notification.object === 'route') return judgeRoute(message)
    return notification.object === 'address' ? judgeAddress(message) : undefined
  }

  /** Milliseconds until `due` has links to read; undefined where none is noted. */
  wait(now: number): number | undefined {
    return this.#down.size + this.#left.size > 0 ? Math.max(0, this.#since + GRACE - now) : undefined
  }

  /** An event for each pod's link that has stayed down, or without its bridge. */
  due(now: number): NodeEvent[] {
    if (this.wait(now) !== 0) return []
    const isLost = ({ index, flags, master }: Link) =>
      (this.#down.has(index) && (flags & IFF_UP) === 0) || (this.#left.has(index) && master === 0)
    const lost = linksOf([...new Set([...this.#down, ...this.#left])]).filter((link) => isOwn(link) && isLost(link))
    this.#down.clear()
    this.#left.clear()
    return lost.map(({ name }) => ({ event: 'pod', object: name }))
  }

  #judgeLink({ datagram, start }: Message, deleted: boolean, now: number): void {
    // unsigned char ifi_family; unsigned char __ifi_pad; unsigned short ifi_type; int ifi_index; unsigned ifi_flags;
    const head = new DataView(datagram, start, 12)
    // RTM_DELLINK of this family: the port has left its bridge.
    const isLeft = deleted && head.getUint8(0) === AF_BRIDGE
    const isDown = !deleted && (head.getUint32(8, true) & IFF_UP) === 0
    if (!isLeft && !isDown) return
    if (this.wait(now) === undefined) this.#since = now
    const noted = isLeft ? this.#left : this.#down
    noted.add(head.getInt32(4, true))
  }
}

function judgeRoute({ datagram, start, length }: Message): NodeEvent | undefined {
  // unsigned char rtm_family, rtm_dst_len, rtm_src_len, rtm_tos, rtm_table, rtm_protocol, rtm_scope, rtm_type;
  const head = new Uint8Array(datagram, start, 8)
  if (head[4] !== RT_TABLE_MAIN || head[5] !== RTPROT_BOOT) return undefined
  const { dst } = readRoute(sys.hex(datagram, start, length))
  return dst.length === packedBits(dst.first) ? { event: 'pod', object: formatPrefix(dst) } : undefined
}

function judgeAddress({ datagram, start, length }: Message): NodeEvent | undefined {
  const found = readAddress(sys.hex(datagram, start, length))
  if (!found || !linksOf([found.ifindex]).some(isOwn)) return undefined
  return { event: 'pod', object: formatPacked(found.address) }
}

function isOwn({ kind, alias }: Link): boolean {
  return (kind === 'veth' || kind === 'bridge') && alias.startsWith(ALIAS_PREFIX)
}

function linksOf(indexes: readonly number[]): Link[] {
  return withNetlink(NETLINK_ROUTE, (socket) =>
    findLinks(
      socket,
      indexes.map((index) => ({ index })),
    ),
  )
}
