// Routes.

import { formatAddress } from '../../net/address.ts'
import { formatCidr } from '../../net/cidr.ts'
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../netlink/constants.ts'
import { type Attribute, u32 } from '../netlink/encode.ts'
import { dump, type NetlinkSocket } from '../netlink/socket.ts'
import {
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RT_TABLE_UNSPEC,
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTAX_ADVMSS,
  RTAX_MTU,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTN_UNICAST,
  RTNH_F_ONLINK,
  RTPROT_BOOT,
  RTPROT_UNSPEC,
} from './constants.ts'
import { decodeRoute, type KernelRoute } from './read-route.ts'
import { addressFamily, type Request } from './request.ts'

export type { KernelRoute } from './read-route.ts'

/**
 * `ip route prepend DST via GATEWAY dev #OIF …`: in addition to another one to the same destination, so that IPv6 shares it between both gateways, and IPv4
 * takes the last one added.
 */
export function prependRoute(route: KernelRoute): Request {
  return routeRequest('add', RTM_NEWROUTE, NLM_F_CREATE, route)
}

/** `ip route append DST via GATEWAY dev #OIF …`: behind another one to the same destination. */
export function appendRoute(route: KernelRoute): Request {
  return routeRequest('add', RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, route)
}

/** `ip route add DST via GATEWAY dev #OIF …`; EEXIST where another leads to the same prefix. */
export function addRoute(route: KernelRoute): Request {
  return routeRequest('add', RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route)
}

/** `ip route replace DST via GATEWAY dev #OIF …` */
export function replaceRoute(route: KernelRoute): Request {
  return routeRequest('replace', RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route)
}

/** `ip route del DST via GATEWAY dev #OIF …`: the first that has all that is given; scope and protocol match any where they are not. */
export function deleteRoute(route: KernelRoute): Request {
  return routeRequest('delete', RTM_DELROUTE, 0, route)
}

/** `ip route show table all` of one family, unicast routes only; one with several next hops as so many routes. */
export function listRoutes(socket: NetlinkSocket, family: number): KernelRoute[] {
  const body = new Uint8Array(12)
  body[0] = family
  const received = dump(socket, { op: 'list routes', type: RTM_GETROUTE, flags: 0, body, attributes: [] })
  return received.filter((message) => message.body.u8(7) === RTN_UNICAST).flatMap(decodeRoute)
}

export function formatRoute({ dst, gateway, oif, table }: KernelRoute): string {
  const via = gateway ? ` via ${formatAddress(gateway)}` : ''
  return `${formatCidr(dst)}${via}${oif ? ` dev #${oif}` : ''}${table ? ` table ${table}` : ''}`
}

function routeRequest(verb: string, type: number, flags: number, route: KernelRoute): Request {
  const { dst, gateway, oif, src, priority, mtu, advmss } = route
  const table = route.table ?? RT_TABLE_MAIN
  const attributes: Attribute[] = []
  if (dst.length > 0) attributes.push([RTA_DST, dst.address.bytes])
  if (gateway) attributes.push([RTA_GATEWAY, gateway.bytes])
  if (oif) attributes.push([RTA_OIF, u32(oif)])
  if (src) attributes.push([RTA_PREFSRC, src.bytes])
  if (priority) attributes.push([RTA_PRIORITY, u32(priority)])
  if (table > 255) attributes.push([RTA_TABLE, u32(table)])
  const metrics: Attribute[] = []
  if (mtu) metrics.push([RTAX_MTU, u32(mtu)])
  if (advmss) metrics.push([RTAX_ADVMSS, u32(advmss)])
  if (metrics.length > 0) attributes.push([RTA_METRICS, metrics])
  const removal = type === RTM_DELROUTE
  const protocol = route.protocol ?? (removal ? RTPROT_UNSPEC : RTPROT_BOOT)
  const scope = route.scope ?? (removal ? RT_SCOPE_NOWHERE : defaultScope(route))
  return {
    get op() {
      return `${verb} route ${formatRoute(route)}`
    },
    type,
    flags,
    // unsigned char rtm_family, rtm_dst_len, rtm_src_len, rtm_tos, rtm_table, rtm_protocol, rtm_scope, rtm_type; unsigned rtm_flags;
    body: Uint8Array.of(
      addressFamily(dst.address),
      dst.length,
      0,
      0,
      table > 255 ? RT_TABLE_UNSPEC : table,
      protocol,
      scope,
      RTN_UNICAST,
      ...u32(route.onlink ? RTNH_F_ONLINK : 0),
    ),
    attributes,
  }
}

/** The kernel rejects a gateway route of scope link, and takes an IPv4 route of scope global without a gateway for one it cannot reach. */
function defaultScope({ dst, gateway }: KernelRoute): number {
  return gateway || dst.address.family === 6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK
}
