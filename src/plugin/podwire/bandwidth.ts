// Limits on how fast a pod receives (a token bucket on the host's end of its pair) and sends (redirected through an IFB, which has one).
// Only what a device sends can be queued: from the host what the pod sends arrives, hence the IFB. In the pod's own namespace it would be
// sent, but there a pod with CAP_NET_ADMIN could lift the limit: that is for kernels without IFB.

import { CniError, ErrInternal } from '../../cni/error.ts'
import type { Attachment, Interface } from '../../cni/types.ts'
import { withUndo } from '../../cni/undo.ts'
import { ENOENT, EOPNOTSUPP } from '../../host/errno.ts'
import { isSysError, SysError } from '../../host/error.ts'
import { log } from '../../host/log.ts'
import { exchange, type NetlinkSocket, transact } from '../../kernel/netlink/socket.ts'
import { findLink, type Link, removeLink, setLink, transactLink } from '../../kernel/route/link.ts'
import { listRedirects, redirectIngress } from '../../kernel/tc/filter.ts'
import { addIfb } from '../../kernel/tc/ifb.ts'
import { ensureClsact, findRootQdisc, isTbf, replaceTbf, type Tbf } from '../../kernel/tc/qdisc.ts'
import { formatMac } from '../../net/mac.ts'
import type { Bandwidth, Limit } from './bandwidth-config.ts'
import { freeName, removeOwnLinks } from './own-links.ts'
import { hostLinkAlias, ifbName } from './owner.ts'

/** The pod's end of the pair, by its index in its own namespace. */
export interface ShapedPod {
  readonly fd: number
  readonly route: NetlinkSocket
  readonly index: number
}

/**
 * Behind the filters of others, also behind one to which the kernel gave its first choice of a priority (49152): what comes back from the IFB
 * passes no filter again, so a filter behind ours would never see what the pod sends.
 */
const PRIORITY = 49153
/** What one packet can measure before it is cut up for the wire (net/core: GSO). */
const LARGEST_PACKET = 65536
/** Ethernet's header with two VLAN tags. */
const LINK_HEADER = 22
/** The kernel keeps the time that a burst lasts in 32 bits of 64 ns, which is some 274 s. */
const LONGEST_BURST_SECONDS = 270

/** Sets the limits; returns the IFB where one was made, for the result. */
export function addBandwidth(
  route: NetlinkSocket,
  host: Link,
  pod: ShapedPod,
  attachment: Attachment,
  { ingress, egress, latency }: Bandwidth,
): Interface[] {
  if (ingress) transact(route, [replaceTbf(host.index, bucketFor(ingress, latency, host.mtu))])
  if (!egress) return []
  const bucket = bucketFor(egress, latency, host.mtu)
  try {
    return [describeIfb(addIfbBehind(route, host, attachment, bucket))]
  } catch (error) {
    if (!isSysError(error, EOPNOTSUPP, ENOENT)) throw error
    const { ifname } = attachment
    log.warn('no IFB here: what the pod sends is limited in its own namespace', { ifname, error: error.message })
    transact(pod.route, [replaceTbf(pod.index, bucket)])
    return []
  }
}

/** Removes the IFB. All else goes with the pair. */
export function removeBandwidth(route: NetlinkSocket, attachment: Attachment): void {
  removeOwnLinks(route, attachment, [ifbName(attachment)])
}

/** Throws where a limit is not as it was set; returns what `addBandwidth` did. */
export function checkBandwidth(
  route: NetlinkSocket,
  host: Link,
  pod: ShapedPod,
  attachment: Attachment,
  { ingress, egress, latency }: Bandwidth,
): Interface[] {
  if (ingress) checkBucket(route, host.index, host.name, bucketFor(ingress, latency, host.mtu))
  if (!egress) return []
  const bucket = bucketFor(egress, latency, host.mtu)
  const ifb = findLink(route, { name: ifbName(attachment) })
  if (!ifb) {
    checkBucket(pod.route, pod.index, attachment.ifname, bucket)
    return []
  }
  if (!listRedirects(route, host.index).includes(ifb.index)) fail(`${host.name} does not redirect what the pod sends to ${ifb.name}`)
  checkBucket(route, ifb.index, ifb.name, bucket)
  return [describeIfb(ifb)]
}

/**
 * The bucket must hold one packet, or none would ever pass. The queue holds what leaves within the latency, and one packet as large as they come
 * besides: less would drop those always.
 */
export function bucketFor(limit: Limit, latency: number, mtu: number): Tbf {
  const rate = Math.max(Math.floor(limit.rate), 1)
  const least = 2 * (mtu + LINK_HEADER)
  const burst = Math.max(least, Math.min(limit.burst, rate * LONGEST_BURST_SECONDS))
  const queue = Math.ceil((rate * latency) / 1000) + Math.min(burst, LARGEST_PACKET)
  return { rate, burst, limit: Math.min(queue, 0xffffffff) }
}

/** `ip link add IFB up type ifb; tc qdisc … tbf; tc qdisc add dev HOST clsact; tc filter … redirect`. Leaves no IFB where it fails. */
function addIfbBehind(route: NetlinkSocket, host: Link, attachment: Attachment, bucket: Tbf): Link {
  return withUndo((undo) => {
    const ifb = makeIfb(route, attachment, host.mtu)
    undo('delete the IFB', () => removeLink(route, { index: ifb.index }))
    const requests = [replaceTbf(ifb.index, bucket), ensureClsact(host.index), redirectIngress(host.index, ifb.index, PRIORITY)]
    const { failures } = exchange(route, requests)
    // No clsact because an ingress qdisc is in its place: that does as well, if the filter could be added.
    const failure = failures.length === 1 && failures[0]?.index === 1 ? undefined : failures[0]
    if (failure) throw new SysError(requests[failure.index]?.op ?? 'limit egress', failure.errno, failure.detail)
    return ifb
  })
}

function makeIfb(route: NetlinkSocket, attachment: Attachment, mtu: number): Link {
  const name = ifbName(attachment)
  freeName(route, name, attachment)
  return transactLink(route, [addIfb({ name, mtu }), setLink({ name }, { alias: hostLinkAlias(attachment, '') })], { name })
}

function describeIfb({ name, mac, mtu }: Link): Interface {
  return { name, mac: formatMac(mac), mtu }
}

function checkBucket(route: NetlinkSocket, index: number, name: string, wanted: Tbf): void {
  const found = findRootQdisc(route, index)
  if (!found?.tbf) fail(`${name} has qdisc ${found?.kind ?? 'none'}, expected tbf`)
  if (!isTbf(found.tbf, wanted)) {
    const { rate, limit } = found.tbf
    fail(
      `${name} is limited to ${8 * rate} bit/s, queue ${limit}, expected ${8 * wanted.rate} bit/s, queue ${wanted.limit}, burst ${wanted.burst}`,
    )
  }
}

function fail(problem: string): never {
  throw new CniError(ErrInternal, problem)
}
