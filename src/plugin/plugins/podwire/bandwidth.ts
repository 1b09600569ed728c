// The bandwidth limits of `podwire`: buckets that hold few packets, an IFB that DEL and GC know by its alias. ../shaping.ts sets them.

import type { Attachment, Interface } from '../../../cni/types.ts'
import type { NetlinkSocket } from '../../../kernel/netlink/socket.ts'
import { findLink, type Link } from '../../../kernel/route/link.ts'
import type { Tbf } from '../../../kernel/tc/qdisc.ts'
import { freeName, removeOwnLinks } from '../../link/own-links.ts'
import { hostLinkAlias, ifbName } from '../../link/owner.ts'
import {
  checkBucket,
  checkSending,
  LARGEST_PACKET,
  limitReceiving,
  limitSending,
  MAX_BURST_SECONDS,
  minBurst,
  type ShapedPod,
} from '../../shaping/limit.ts'
import type { Bandwidth, Limit } from './bandwidth-config.ts'

/** Sets the limits; returns the IFB where one was made, for the result. */
export function addBandwidth(
  route: NetlinkSocket,
  host: Link,
  pod: Omit<ShapedPod, 'ifname'>,
  attachment: Attachment,
  { ingress, egress, latency }: Bandwidth,
): Interface[] {
  if (ingress) limitReceiving(route, host, bucketFor(ingress, latency, host.mtu))
  if (!egress) return []
  const name = ifbName(attachment)
  const ifb = { name, alias: hostLinkAlias(attachment, ''), freeName: () => freeName(route, name, attachment) }
  return limitSending(route, host, { ...pod, ifname: attachment.ifname }, bucketFor(egress, latency, host.mtu), ifb)
}

/** Removes the IFB. All else goes with the pair. */
export function removeBandwidth(route: NetlinkSocket, attachment: Attachment): void {
  removeOwnLinks(route, attachment, [ifbName(attachment)])
}

/** Throws where a limit is not as it was set; returns what `addBandwidth` did. */
export function checkBandwidth(
  route: NetlinkSocket,
  host: Link,
  pod: Omit<ShapedPod, 'ifname'>,
  attachment: Attachment,
  { ingress, egress, latency }: Bandwidth,
): Interface[] {
  if (ingress) checkBucket(route, host.index, host.name, [bucketFor(ingress, latency, host.mtu)])
  if (!egress) return []
  const ifb = findLink(route, { name: ifbName(attachment) })
  return checkSending(route, host, { ...pod, ifname: attachment.ifname }, [bucketFor(egress, latency, host.mtu)], ifb)
}

/**
 * The bucket must hold one packet, or none would ever pass. The queue holds what leaves within the latency, and one packet as large as they come
 * besides: less would drop those always.
 */
export function bucketFor(limit: Limit, latency: number, mtu: number): Tbf {
  const rate = Math.max(Math.floor(limit.rate), 1)
  const burst = Math.max(minBurst(mtu), Math.min(limit.burst, rate * MAX_BURST_SECONDS))
  const queue = Math.ceil((rate * latency) / 1000) + Math.min(burst, LARGEST_PACKET)
  return { rate, burst, limit: Math.min(queue, 0xffffffff) }
}
