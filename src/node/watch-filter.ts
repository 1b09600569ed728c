// Which of nf_tables' notifications are about podwire: kube-proxy or a firewall changes thousands of rules that are not.

import { TABLE } from '../contract/marks.ts'
import { type View, viewOf } from '../kernel/netlink/decode.ts'
import { NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6 } from '../kernel/nftables/constants.ts'
import { isInTable, type Notification, nameIn, notificationOf } from '../kernel/nftables/notification.ts'
import { FORWARD_CHAIN } from './forward.ts'
import { EXEMPT_SET, MASQUERADE_CHAIN, POD_SET } from './names.ts'
import type { Judge, NodeEvent } from './notification.ts'

const SETS: readonly string[] = [POD_SET[4], POD_SET[6], EXEMPT_SET[4], EXEMPT_SET[6]]

export const judgeFilter: Judge = (message, watched) => {
  const notification = notificationOf(message.type)
  if (!notification || message.length === 0) return undefined
  const view = viewOf(message.datagram, message.start, message.length)
  const family = view.u8(0)
  if (family === NFPROTO_INET && isInTable(view, TABLE.table)) return judgeOwnTable(notification, view)
  const isFilter = (family === NFPROTO_IPV4 || family === NFPROTO_IPV6) && isInTable(view, 'filter')
  return isFilter && watched?.forwardAccept ? judgeForward(notification, view, family) : undefined
}

/** Host ports are in the same table, under names of their own: ADD and DEL change only elements there. */
const HOST_PORTS = 'hostports'

function judgeOwnTable(notification: Notification, view: View): NodeEvent | undefined {
  const event = (name: string) => ({ event: 'nft', object: `inet ${TABLE.table} ${name}`.trimEnd() }) as const
  const { object, deleted } = notification
  if (object === 'table') return event('')
  // A chain that is added is a pass's, and a base chain's policy is not podwire's concern in its own table.
  if (object === 'chain' && !deleted) return undefined
  const name = nameIn(view, notification)
  if (name.startsWith(HOST_PORTS)) return deleted && object !== 'element' ? event(name) : undefined
  const isOwn = object === 'chain' || object === 'rule' ? name === MASQUERADE_CHAIN : SETS.includes(name)
  return isOwn ? event(name) : undefined
}

/** The chain itself, its policy for one, or a rule that went; a deleted rule's message may have no more than its place. */
function judgeForward(notification: Notification, view: View, family: number): NodeEvent | undefined {
  const { object, deleted } = notification
  if (!(object === 'chain' && !deleted) && !(object === 'rule' && deleted)) return undefined
  if (nameIn(view, notification) !== FORWARD_CHAIN) return undefined
  return { event: 'nft', object: `${family === NFPROTO_IPV4 ? 'ip' : 'ip6'} filter ${FORWARD_CHAIN}` }
}
