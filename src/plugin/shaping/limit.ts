// Limits on how fast a pod receives (a token bucket on the host's end of its pair) and sends (redirected through an IFB, which has one).
// Only what a device sends can be queued: from the host what the pod sends arrives, hence the IFB. In the pod's own namespace it would be
// sent, but there a pod with CAP_NET_ADMIN could lift the limit: that is for kernels without IFB.

import type { Interface } from '../../cni/types.ts'
import { withUndo } from '../../cni/undo.ts'
import { ENOENT, EOPNOTSUPP } from '../../host/errno.ts'
import { isSysError, SysError } from '../../host/error.ts'
import { log } from '../../host/log.ts'
import { exchange, type NetlinkSocket, transact } from '../../kernel/netlink/socket.ts'
import { type Link, removeLink, setLink, transactLink } from '../../kernel/route/link.ts'
import { listRedirects, redirectIngress } from '../../kernel/tc/filter.ts'
import { addIfb } from '../../kernel/tc/ifb.ts'
import { ensureClsact, findRootQdisc, isTbf, replaceTbf, type Tbf } from '../../kernel/tc/qdisc.ts'
import { formatMac } from '../../net/mac.ts'
import { fail } from '../pod/check-pod.ts'

/** The pod's end of the pair, by its index in its own namespace. */
export interface ShapedPod {
  readonly fd: number
  readonly route: NetlinkSocket
  readonly index: number
  readonly ifname: string
}

/** What becomes of the IFB: its names, and a step that frees its name of what this attachment has left there, or throws. */
export interface IfbPlan {
  readonly name: string
  readonly alias: string
  readonly freeName: () => void
}

/**
 * Behind the filters of others, also behind one to which the kernel gave its first choice of a priority (49152): what comes back from the IFB
 * passes no filter again, so a filter behind ours would never see what the pod sends.
 */
export const PRIORITY = 49153

/** How many seconds a burst may last: the kernel keeps that in 32 bits of 64 ns, which is some 274 s. */
export const MAX_BURST_SECONDS = 270

/** What one packet can measure before it is cut up for the wire (net/core: GSO). */
export const LARGEST_PACKET = 65536
/** Ethernet's header with two VLAN tags. */
const LINK_HEADER = 22

/** The bytes that a bucket has to hold for any packet to pass. */
export function minBurst(mtu: number): number {
  return 2 * (mtu + LINK_HEADER)
}

/** `tc qdisc replace dev HOST root tbf …` */
export function limitReceiving(route: NetlinkSocket, host: Link, bucket: Tbf): void {
  transact(route, [replaceTbf(host.index, bucket)])
}

/** The limit on what the pod sends; returns the IFB where one was made, for the result. */
export function limitSending(route: NetlinkSocket, host: Link, pod: ShapedPod, bucket: Tbf, ifb: IfbPlan): Interface[] {
  try {
    return [describeIfb(addIfbBehind(route, host, bucket, ifb))]
  } catch (error) {
    if (!isSysError(error, EOPNOTSUPP, ENOENT)) throw error
    const { ifname } = pod
    log.warn('no IFB here: what the pod sends is limited in its own namespace', { ifname, error: error.message })
    transact(pod.route, [replaceTbf(pod.index, bucket)])
    return []
  }
}

/** Throws where what the pod sends is not limited to one of `buckets`; returns what `limitSending` did. */
export function checkSending(
  route: NetlinkSocket,
  host: Link,
  pod: ShapedPod,
  buckets: readonly Tbf[],
  ifb: Link | undefined,
): Interface[] {
  if (!ifb) {
    checkBucket(pod.route, pod.index, pod.ifname, buckets)
    return []
  }
  if (!listRedirects(route, host.index).includes(ifb.index)) fail(`${host.name} does not redirect what the pod sends to ${ifb.name}`)
  checkBucket(route, ifb.index, ifb.name, buckets)
  return [describeIfb(ifb)]
}

/** Throws where the device is not limited to one of `buckets`, of which the first is what it should be. */
export function checkBucket(route: NetlinkSocket, index: number, name: string, buckets: readonly Tbf[]): void {
  const found = findRootQdisc(route, index)
  const [wanted] = buckets
  const tbf = found?.tbf
  if (!tbf) fail(`${name} has qdisc ${found?.kind ?? 'none'}, expected tbf`)
  if (!wanted || buckets.some((bucket) => isTbf(tbf, bucket))) return
  const expected = `expected ${8 * wanted.rate} bit/s, queue ${wanted.limit}, burst ${wanted.burst}`
  fail(`${name} is limited to ${8 * tbf.rate} bit/s, queue ${tbf.limit}, ${expected}`)
}

export function describeIfb({ name, mac, mtu }: Link): Interface {
  return { name, mac: formatMac(mac), mtu }
}

/** `ip link add IFB up type ifb; tc qdisc … tbf; tc qdisc add dev HOST clsact; tc filter … redirect`. Leaves no IFB where it fails. */
function addIfbBehind(route: NetlinkSocket, host: Link, bucket: Tbf, { name, alias, freeName }: IfbPlan): Link {
  return withUndo((undo) => {
    freeName()
    const ifb = transactLink(route, [addIfb({ name, mtu: host.mtu }), setLink({ name }, { alias })], { name })
    undo('delete the IFB', () => removeLink(route, { index: ifb.index }))
    const requests = [replaceTbf(ifb.index, bucket), ensureClsact(host.index), redirectIngress(host.index, ifb.index, PRIORITY)]
    const { failures } = exchange(route, requests)
    // No clsact because an ingress qdisc is in its place: that does as well, if the filter could be added.
    const failure = failures.length === 1 && failures[0]?.index === 1 ? undefined : failures[0]
    if (failure) throw new SysError(requests[failure.index]?.op ?? 'limit egress', failure.errno, failure.detail)
    return ifb
  })
}
