// Which of rtnetlink's notifications are about us.

import { ROUTE_PROTOCOL, VXLAN_ALIAS } from '../contract/marks.ts'
import { sys } from '../host/sys.ts'
import { NLM_F_REPLACE } from '../kernel/netlink/constants.ts'
import { viewOf } from '../kernel/netlink/decode.ts'
import { readHex32, readHexAttributes } from '../kernel/netlink/hex.ts'
import {
  AF_BRIDGE,
  IFA_ADDRESS,
  IFA_LOCAL,
  IFF_UP,
  NDA_DST,
  NDA_LLADDR,
  NETCONFA_FORWARDING,
  NETCONFA_IFINDEX,
  NETCONFA_IFINDEX_ALL,
  RT_TABLE_MAIN,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWNETCONF,
  RTM_NEWROUTE,
} from '../kernel/route/constants.ts'
import { decodeLink } from '../kernel/route/link.ts'
import { readRoute } from '../kernel/route/route-body.ts'
import { formatPacked, packBytes } from '../net/packed.ts'
import { VXLAN_NAME } from './names.ts'
import type { Judge, Message, NodeEvent } from './notification.ts'
import { formatPrefix } from './paths.ts'
import type { Watched } from './watched.ts'

export const judgeRoute: Judge = (message, watched) => {
  switch (message.type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return judgeRouteChange(message, watched)
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return judgeLink(message, watched)
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return judgeAddress(message, watched)
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return judgeNeighbour(message, watched)
    case RTM_NEWNETCONF:
      return judgeForwarding(message)
    default:
      return undefined
  }
}

function judgeRouteChange(message: Message, watched: Watched | undefined): NodeEvent | undefined {
  // unsigned char rtm_family, rtm_dst_len, rtm_src_len, rtm_tos, rtm_table, rtm_protocol, rtm_scope, rtm_type;
  const head = new Uint8Array(message.datagram, message.start, 8)
  if (head[4] !== RT_TABLE_MAIN) return undefined
  const deleted = message.type === RTM_DELROUTE
  const isDefault = head[1] === 0
  // What the kernel deletes of itself goes with a device or an address, and those are reported.
  const ours = deleted && head[5] === ROUTE_PROTOCOL && message.port !== 0
  // A replaced route has no notification of its own.
  const replaces = !deleted && (message.flags & NLM_F_REPLACE) !== 0
  if (!isDefault && !ours && !replaces) return undefined
  const { dst } = readRoute(bodyOf(message))
  const event: NodeEvent = { event: 'route', object: formatPrefix(dst) }
  if (isDefault) return event
  return watched?.destinations.has(`${dst.first}/${dst.length}`) ? event : undefined
}

function judgeLink(message: Message, watched: Watched | undefined): NodeEvent | undefined {
  const index = indexOf(message)
  const uplink = watched?.uplinks.get(index)
  if (!uplink && index !== watched?.vxlan?.index) return undefined
  const name = uplink?.name ?? VXLAN_NAME
  if (message.type === RTM_DELLINK) return { event: 'link', object: name }
  const body = viewOf(message.datagram, message.start, message.length)
  const link = decodeLink({ type: message.type, flags: message.flags, sequence: 0, port: message.port, body })
  // Such a message comes for many reasons, the device's statistics and its bridge's business among them.
  const same = uplink
    ? link.name === uplink.name && link.mtu === uplink.mtu && (link.flags & IFF_UP) === (uplink.flags & IFF_UP)
    : isAsWanted(link, watched)
  return same ? undefined : { event: 'link', object: name }
}

function isAsWanted(link: ReturnType<typeof decodeLink>, watched: Watched | undefined): boolean {
  return (
    link.alias === VXLAN_ALIAS &&
    link.name === VXLAN_NAME &&
    link.mtu === watched?.vxlanMtu &&
    packBytes(link.mac) === watched.vxlanMac &&
    (link.flags & IFF_UP) !== 0
  )
}

function judgeAddress(message: Message, watched: Watched | undefined): NodeEvent | undefined {
  if (!watched) return undefined
  const index = indexOf(message)
  const ofUplink = watched.uplinks.has(index)
  const ofTunnel = index === watched.vxlan?.index
  const attributes = readHexAttributes(bodyOf(message), 16)
  const address = attributes?.get(IFA_LOCAL) ?? attributes?.get(IFA_ADDRESS)
  if (address === undefined || address.startsWith('fe80')) return undefined
  const event: NodeEvent = { event: 'address', object: formatPacked(address) }
  const isNew = message.type === RTM_NEWADDR
  if (ofTunnel) return !isNew && watched.vxlanAddresses.includes(address) ? event : undefined
  // A router's advertisement renews an address every few minutes, and nothing is new then.
  if (ofUplink) return isNew === watched.uplinkAddresses.has(address) ? undefined : event
  return isNew && watched.nodeAddresses.includes(address) ? event : undefined
}

function judgeNeighbour(message: Message, watched: Watched | undefined): NodeEvent | undefined {
  // __u8 ndm_family; __u8 ndm_pad1; __u16 ndm_pad2; __s32 ndm_ifindex;
  if (!watched?.vxlan || indexOf(message) !== watched.vxlan.index) return undefined
  const deleted = message.type === RTM_DELNEIGH
  // The kernel reports additions under its own port, by any process; changes to an entry under the port of the caller.
  if (!deleted && message.port === 0) return undefined
  const body = bodyOf(message)
  const attributes = readHexAttributes(body, 24)
  const mac = attributes?.get(NDA_LLADDR) ?? ''
  const address = attributes?.get(NDA_DST) ?? ''
  if (Number.parseInt(body.slice(0, 2), 16) === AF_BRIDGE) {
    return watched.macs.has(mac) ? { event: 'fdb', object: mac } : undefined
  }
  return watched.neighbours.has(address) ? { event: 'neighbour', object: formatPacked(address) } : undefined
}

/** Forwarding was switched off for all devices. */
function judgeForwarding(message: Message): NodeEvent | undefined {
  const body = bodyOf(message)
  const attributes = readHexAttributes(body, 8)
  const value = (type: number) => {
    const digits = attributes?.get(type)
    return digits === undefined ? undefined : readHex32(digits, 0) | 0
  }
  if (value(NETCONFA_IFINDEX) !== NETCONFA_IFINDEX_ALL || value(NETCONFA_FORWARDING) !== 0) return undefined
  return { event: 'sysctl', object: body.startsWith('02') ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding' }
}

/** Of links, addresses and neighbours alike the second word. */
function indexOf({ datagram, start }: Message): number {
  return new DataView(datagram).getInt32(start + 4, true)
}

function bodyOf({ datagram, start, length }: Message): string {
  return sys.hex(datagram, start, length)
}
