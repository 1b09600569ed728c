// Which of rtnetlink's notifications are about podwire.

import { ROUTE_PROTOCOL, VXLAN_ALIAS } from '../contract/marks.ts'
import { sys } from '../host/sys.ts'
import { NLM_F_REPLACE } from '../kernel/netlink/constants.ts'
import { viewOf } from '../kernel/netlink/decode.ts'
import { readAddress } from '../kernel/route/address-body.ts'
import { IFF_UP, RT_TABLE_MAIN } from '../kernel/route/constants.ts'
import { decodeLink } from '../kernel/route/link.ts'
import { readNeighbour } from '../kernel/route/neighbour-body.ts'
import { forwardingOff, notificationOf } from '../kernel/route/notification.ts'
import { readRoute } from '../kernel/route/route-body.ts'
import { formatPacked, packBytes } from '../net/packed.ts'
import { VXLAN_NAME } from './names.ts'
import type { Judge, Message, NodeEvent } from './notification.ts'
import { formatPrefix } from './paths.ts'
import type { Watched } from './watched.ts'

export const judgeRoute: Judge = (message, watched) => {
  const notification = notificationOf(message.type)
  switch (notification?.object) {
    case 'route':
      return judgeRouteChange(message, notification.deleted, watched)
    case 'link':
      return judgeLink(message, notification.deleted, watched)
    case 'address':
      return judgeAddress(message, notification.deleted, watched)
    case 'neighbour':
      return judgeNeighbour(message, notification.deleted, watched)
    case 'netconf':
      return judgeForwarding(message)
    case undefined:
      return undefined
  }
}

function judgeRouteChange(message: Message, deleted: boolean, watched: Watched | undefined): NodeEvent | undefined {
  // unsigned char rtm_family, rtm_dst_len, rtm_src_len, rtm_tos, rtm_table, rtm_protocol, rtm_scope, rtm_type;
  const head = new Uint8Array(message.datagram, message.start, 8)
  if (head[4] !== RT_TABLE_MAIN) return undefined
  const isDefault = head[1] === 0
  // Routes that the kernel deletes itself go with a device or an address, which have notifications of their own.
  const own = deleted && head[5] === ROUTE_PROTOCOL && message.port !== 0
  // A replaced route has no notification of its own.
  const replaces = !deleted && (message.flags & NLM_F_REPLACE) !== 0
  if (!isDefault && !own && !replaces) return undefined
  const { dst } = readRoute(bodyOf(message))
  const event: NodeEvent = { event: 'route', object: formatPrefix(dst) }
  if (isDefault) return event
  return watched?.destinations.has(`${dst.first}/${dst.length}`) ? event : undefined
}

function judgeLink(message: Message, deleted: boolean, watched: Watched | undefined): NodeEvent | undefined {
  const index = indexOf(message)
  const uplink = watched?.uplinks.get(index)
  if (!uplink && index !== watched?.vxlan?.index) return undefined
  const name = uplink?.name ?? VXLAN_NAME
  if (deleted) return { event: 'link', object: name }
  const body = viewOf(message.datagram, message.start, message.length)
  const link = decodeLink({ type: message.type, flags: message.flags, sequence: 0, port: message.port, body })
  // The kernel sends RTM_NEWLINK for many reasons, as statistics or bridge port states.
  const same = uplink
    ? link.name === uplink.name && link.mtu === uplink.mtu && (link.flags & IFF_UP) === (uplink.flags & IFF_UP)
    : isAsDesired(link, watched)
  return same ? undefined : { event: 'link', object: name }
}

function isAsDesired(link: ReturnType<typeof decodeLink>, watched: Watched | undefined): boolean {
  return (
    link.alias === VXLAN_ALIAS &&
    link.name === VXLAN_NAME &&
    link.mtu === watched?.vxlanMtu &&
    packBytes(link.mac) === watched.vxlanMac &&
    (link.flags & IFF_UP) !== 0
  )
}

function judgeAddress(message: Message, deleted: boolean, watched: Watched | undefined): NodeEvent | undefined {
  if (!watched) return undefined
  const index = indexOf(message)
  const ofUplink = watched.uplinks.has(index)
  const ofTunnel = index === watched.vxlan?.index
  const address = readAddress(bodyOf(message))?.address
  if (address === undefined || address.startsWith('fe80')) return undefined
  const event: NodeEvent = { event: 'address', object: formatPacked(address) }
  const isNew = !deleted
  if (ofTunnel) return !isNew && watched.vxlanAddresses.includes(address) ? event : undefined
  // Router advertisements renew an address every few minutes without a change.
  if (ofUplink) return isNew === watched.uplinkAddresses.has(address) ? undefined : event
  return isNew && watched.nodeAddresses.includes(address) ? event : undefined
}

function judgeNeighbour(message: Message, deleted: boolean, watched: Watched | undefined): NodeEvent | undefined {
  // __u8 ndm_family; __u8 ndm_pad1; __u16 ndm_pad2; __s32 ndm_ifindex;
  if (!watched?.vxlan || indexOf(message) !== watched.vxlan.index) return undefined
  // The kernel reports additions under its own port, by any process; changes to an entry under the port of the caller.
  if (!deleted && message.port === 0) return undefined
  const { isForwarding, address = '', mac } = readNeighbour(bodyOf(message))
  if (isForwarding) return watched.macs.has(mac) ? { event: 'fdb', object: mac } : undefined
  return watched.neighbours.has(address) ? { event: 'neighbour', object: formatPacked(address) } : undefined
}

/** Forwarding was switched off for all devices. */
function judgeForwarding(message: Message): NodeEvent | undefined {
  const family = forwardingOff(bodyOf(message))
  if (family === undefined) return undefined
  return { event: 'sysctl', object: family === 4 ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding' }
}

/** Of links, addresses and neighbours alike the second word. */
function indexOf({ datagram, start }: Message): number {
  return new DataView(datagram).getInt32(start + 4, true)
}

function bodyOf({ datagram, start, length }: Message): string {
  return sys.hex(datagram, start, length)
}
