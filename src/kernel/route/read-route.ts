// A route as the kernel describes it: linux/rtnetlink.h, rtmsg and its attributes.

import { AF_INET } from '../../host/socket.ts'
import type { Address } from '../../net/address.ts'
import type { Cidr } from '../../net/cidr.ts'
import type { Attributes, Received, View } from '../netlink/decode.ts'
import {
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTAX_ADVMSS,
  RTAX_MTU,
  RTNH_F_ONLINK,
} from './constants.ts'

/** A unicast route. What is absent is the kernel's default: main table, protocol boot, scope link without a gateway. */
export interface KernelRoute {
  readonly dst: Cidr
  readonly gateway?: Address | undefined
  /** Index of the device it leaves by. */
  readonly oif?: number | undefined
  readonly src?: Address | undefined
  readonly table?: number | undefined
  readonly priority?: number | undefined
  readonly scope?: number | undefined
  readonly protocol?: number | undefined
  readonly mtu?: number | undefined
  readonly advmss?: number | undefined
  /** The gateway is on the device, whatever the other routes are. */
  readonly onlink?: boolean | undefined
}

/** One route for each next hop: of IPv6 routes to one destination with one metric the kernel makes one (RTA_MULTIPATH). */
export function decodeRoute({ body }: Received): KernelRoute[] {
  const family = body.u8(0) === AF_INET ? 4 : 6
  const attributes = body.attributes(12)
  const metrics = attributes.get(RTA_METRICS)?.attributes()
  const common = {
    dst: {
      address: addressIn(attributes, RTA_DST, family) ?? { family, bytes: new Uint8Array(family === 4 ? 4 : 16) },
      length: body.u8(1),
    },
    src: addressIn(attributes, RTA_PREFSRC, family),
    table: attributes.get(RTA_TABLE)?.u32() ?? body.u8(4),
    priority: attributes.get(RTA_PRIORITY)?.u32(),
    scope: body.u8(6),
    protocol: body.u8(5),
    mtu: metrics?.get(RTAX_MTU)?.u32(),
    advmss: metrics?.get(RTAX_ADVMSS)?.u32(),
  } as const
  const hops = attributes.get(RTA_MULTIPATH)
  if (hops) return nextHops(hops, family).map((hop) => ({ ...common, ...hop }))
  return [{ ...common, ...nextHop(attributes, attributes.get(RTA_OIF)?.u32(), body.u32(8), family) }]
}

type NextHop = Pick<KernelRoute, 'gateway' | 'oif' | 'onlink'>

/** linux/rtnetlink.h: rtnexthop {unsigned short len; unsigned char flags, hops; int ifindex;} and attributes, one behind the other. */
function nextHops(bytes: View, family: 4 | 6): NextHop[] {
  const hops: NextHop[] = []
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.u16(at)
    if (length < 8 || at + length > bytes.length) throw new RangeError(`next hop of ${length} bytes at ${at} of ${bytes.length}`)
    const hop = bytes.sub(at, length)
    hops.push(nextHop(hop.attributes(8), hop.u32(4), hop.u8(2), family))
    at += (length + 3) & ~3
  }
  return hops
}

function nextHop(attributes: Attributes, oif: number | undefined, flags: number, family: 4 | 6): NextHop {
  return { gateway: addressIn(attributes, RTA_GATEWAY, family), oif, ...(flags & RTNH_F_ONLINK && { onlink: true }) }
}

function addressIn(attributes: Attributes, type: number, family: 4 | 6): Address | undefined {
  const bytes = attributes.get(type)?.bytes()
  return bytes && { family, bytes }
}
