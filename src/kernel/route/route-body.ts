// Unicast routes of the main table by the thousand, as bodies (../netlink/hex.ts). The attributes stand in the kernel's own order, so that a route
// reads in a dump as it was requested; one that does not is brought into this form first.

import { formatPacked, type Packed, type PackedPrefix } from '../../net/packed.ts'
import { type BodyRequest, dumpBodies } from '../netlink/bulk.ts'
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../netlink/constants.ts'
import { type Body, hex8, hex32, hexAttribute, readHex32, readHexAttributes } from '../netlink/hex.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import {
  RT_TABLE_MAIN,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTN_UNICAST,
  RTNH_F_ONLINK,
} from './constants.ts'

/** What routes through one device have in common. */
export interface RouteTemplate {
  readonly family: 4 | 6
  readonly protocol: number
  readonly oif: number
  /** The gateway is on the device, whatever its address. */
  readonly onlink: boolean
  /** The address that this machine's own packets take. */
  readonly src: Packed | undefined
}

/** A route as read from its body. */
export interface RouteText {
  readonly dst: PackedPrefix
  readonly gateway: Packed | undefined
  readonly oif: number
}

/** IP6_RT_PRIO_USER: what IPv6 makes of a route without one. */
const PRIORITY = 1024
/** Where the attributes begin, behind rtmsg. */
const ATTRIBUTES = 24
/** RTA_CACHEINFO and RTA_PREF of an IPv6 route that does not expire: the kernel adds them. */
const ADDED = `24000c00${'00'.repeat(32)}0500140000000000`

/** `ip route … DST via GATEWAY dev #OIF [onlink] [src SRC] proto PROTOCOL`, the body of it, for each destination and gateway of one family. */
export function routeBody({ family, protocol, oif, onlink, src }: RouteTemplate): (dst: PackedPrefix, gateway: Packed) => Body {
  // unsigned char rtm_family, rtm_dst_len, rtm_src_len, rtm_tos, rtm_table, rtm_protocol, rtm_scope, rtm_type; unsigned rtm_flags;
  const start = family === 4 ? '02' : '0a'
  const rest = `0000${hex8(RT_TABLE_MAIN)}${hex8(protocol)}00${hex8(RTN_UNICAST)}${hex32(onlink ? RTNH_F_ONLINK : 0)}`
  const table = hexAttribute(RTA_TABLE, hex32(RT_TABLE_MAIN))
  const priority = family === 6 ? hexAttribute(RTA_PRIORITY, hex32(PRIORITY)) : ''
  const source = src === undefined ? '' : hexAttribute(RTA_PREFSRC, src)
  // An address's attribute is its header and the address: of either family they need no padding.
  const header = (type: number) => hexAttribute(type, family === 4 ? '00000000' : '0'.repeat(32)).slice(0, 8)
  const beforeDst = rest + table + header(RTA_DST)
  const beforeGateway = source + priority + header(RTA_GATEWAY)
  const end = hexAttribute(RTA_OIF, hex32(oif))
  return (dst, gateway) => start + hex8(dst.length) + beforeDst + dst.first + beforeGateway + gateway + end
}

/** `ip route add …`; EEXIST where another leads to the same prefix. */
export function createRoute(body: Body): BodyRequest {
  return { type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_EXCL, body }
}

/** `ip route replace …` */
export function replaceRoute(body: Body): BodyRequest {
  return { type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_REPLACE, body }
}

/** `ip route del …` */
export function deleteRoute(body: Body): BodyRequest {
  return { type: RTM_DELROUTE, flags: 0, body }
}

/** `ip route show table main proto PROTOCOL` of one family. */
export function dumpRoutes(socket: NetlinkSocket, family: 4 | 6, protocol: number): Body[] {
  const start = family === 4 ? '02' : '0a'
  const filter = `${start}000000${hex8(RT_TABLE_MAIN)}${hex8(protocol)}000000000000`
  const bodies = dumpBodies(socket, `list IPv${family} routes`, RTM_GETROUTE, filter)
  const mark = hex8(RT_TABLE_MAIN) + hex8(protocol)
  const isOwn = (body: Body) => body.startsWith(mark, 8) && body.startsWith(start)
  // A kernel before 5.0 does not filter; one without IPv6 dumps every family.
  const own = bodies.every(isOwn) ? bodies : bodies.filter(isOwn)
  return family === 4 ? own : own.map((body) => (body.endsWith(ADDED) ? body.slice(0, -ADDED.length) : body))
}

/** The body in the form of `routeBody`, without what another kernel may add or has in another order. */
export function canonicalRoute(body: Body): Body {
  const attributes = readHexAttributes(body, ATTRIBUTES)
  if (!attributes) return body
  const own = [RTA_TABLE, RTA_DST, RTA_PREFSRC, RTA_PRIORITY, RTA_GATEWAY, RTA_OIF].map((type) => {
    const value = attributes.get(type)
    return value === undefined ? '' : hexAttribute(type, value)
  })
  // A device without a carrier shows in the flags, and is no other route.
  return `${body.slice(0, 16)}${hex32(readHex32(body, 16) & RTNH_F_ONLINK)}${own.join('')}`
}

export function readRoute(body: Body): RouteText {
  const attributes = readHexAttributes(body, ATTRIBUTES)
  const length = Number.parseInt(body.slice(2, 4), 16)
  const oif = attributes?.get(RTA_OIF)
  return {
    dst: { first: attributes?.get(RTA_DST) ?? '0'.repeat(body.startsWith('02') ? 8 : 32), length },
    gateway: attributes?.get(RTA_GATEWAY),
    oif: oif === undefined ? 0 : readHex32(oif, 0),
  }
}

/** What two routes to the same place have in common. */
export function routeKey(body: Body): string {
  const { dst } = readRoute(body)
  return `${dst.first}/${dst.length}`
}

/** `10.1.2.0/24 via 192.168.0.2 dev #3` */
export function describeRouteBody(body: Body): string {
  const { dst, gateway, oif } = readRoute(body)
  return `${formatPacked(dst.first)}/${dst.length}${gateway ? ` via ${formatPacked(gateway)}` : ''}${oif ? ` dev #${oif}` : ''}`
}
