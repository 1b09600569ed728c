// Limits on how fast a pod receives (a token bucket on the host's end of its pair) and sends (redirected through an IFB, which has one).
// Only what a device sends can be queued. On the host the pod's packets arrive, hence the IFB. In the pod's own namespace they are sent, but
// a pod with CAP_NET_ADMIN could remove the limit there: that is for kernels without IFB.

import { fail } from '../../cni/error.ts'
import type { Attachment, Interface } from '../../cni/types.ts'
import { withUndo } from '../../cni/undo.ts'
import { ENOENT, EOPNOTSUPP } from '../../host/errno.ts'
import { isSysError, SysError } from '../../host/error.ts'
import { log } from '../../host/log.ts'
import { exchange, type NetlinkSocket, transact } from '../../kernel/netlink/socket.ts'
import { findLink, type Link, setLink, transactLink } from '../../kernel/route/link.ts'
import { listRedirects, redirectIngress } from '../../kernel/tc/filter.ts'
import { addIfb } from '../../kernel/tc/ifb.ts'
import { ensureClsact, findRootQdisc, isTbf, replaceTbf, setTbf, type Tbf } from '../../kernel/tc/qdisc.ts'
import { formatMac } from '../../net/mac.ts'
import { freeName, removeOwnLinks } from '../link/own-links.ts'
import { hostLinkAlias, ifbName } from '../link/owner.ts'
import type { Bandwidth, Limit } from './bandwidth-config.ts'
import { bucketOf } from './bucket.ts'

/** The pod's end of the pair, by its index in its own namespace. */
export interface ShapedPod {
  readonly fd: number
  readonly route: NetlinkSocket
  readonly index: number
}

/** The IFB that takes what the pod sends. */
export interface IfbPlan {
  /** Where the host's end redirects to already; else one is made. */
  readonly present?: Link | undefined
  readonly name: string
  readonly alias: string
  /** Deletes what this attachment has left under the name; throws where it is another's. */
  readonly freeName: () => void
}

/**
 * Behind other programs' filters, also behind one to which the kernel gave its first choice of a priority (49152): what comes back from the IFB
 * passes no filter again, so a filter behind podwire's would never see what the pod sends.
 */
export const PRIORITY = 49153

/** Sets the limits, also where there are some already; returns the IFB where there is one, for the result. */
export function addBandwidth(
  { ingress, egress, latency }: Bandwidth,
  route: NetlinkSocket,
  host: Link,
  pod: ShapedPod,
  attachment: Attachment,
  plan = () => planIfb(route, attachment),
): Interface[] {
  if (ingress) setTbf(route, host.index, bucketOf(ingress, latency, host.mtu))
  if (!egress) return []
  const bucket = bucketOf(egress, latency, host.mtu)
  try {
    return [describeIfb(redirectToIfb(route, host, bucket, plan()))]
  } catch (error) {
    if (!isSysError(error, EOPNOTSUPP, ENOENT)) throw error
    const { ifname } = attachment
    log.warn('this kernel has no IFB: what the pod sends is limited in its own namespace', { ifname, error: error.message })
    setTbf(pod.route, pod.index, bucket)
    return []
  }
}

/** Removes the IFB. All else goes with the pair. */
export function removeBandwidth(route: NetlinkSocket, attachment: Attachment): void {
  removeOwnLinks(route, attachment, [ifbName(attachment)])
}

/** Throws where a limit is not as it was set, nor one of those that `accepted` adds; returns what `addBandwidth` did. */
export function checkBandwidth(
  { ingress, egress, latency }: Bandwidth,
  route: NetlinkSocket,
  host: Link,
  pod: ShapedPod,
  attachment: Attachment,
  findIfb = () => findLink(route, { name: ifbName(attachment) }),
  accepted: (limit: Limit) => Tbf[] = () => [],
): Interface[] {
  const buckets = (limit: Limit): Buckets => [bucketOf(limit, latency, host.mtu), ...accepted(limit)]
  if (ingress) checkBucket(route, host.index, host.name, buckets(ingress))
  if (!egress) return []
  const ifb = findIfb()
  if (!ifb) {
    checkBucket(pod.route, pod.index, attachment.ifname, buckets(egress))
    return []
  }
  if (!listRedirects(route, host.index).includes(ifb.index)) fail(`${host.name} does not redirect what the pod sends to ${ifb.name}`)
  checkBucket(route, ifb.index, ifb.name, buckets(egress))
  return [describeIfb(ifb)]
}

type Buckets = readonly [expected: Tbf, ...accepted: Tbf[]]

function checkBucket(route: NetlinkSocket, index: number, name: string, [wanted, ...others]: Buckets): void {
  const found = findRootQdisc(route, index)
  const tbf = found?.tbf
  if (!tbf) fail(`${name} has qdisc ${found?.kind ?? 'none'}, expected tbf`)
  if ([wanted, ...others].some((bucket) => isTbf(tbf, bucket))) return
  const expected = `expected ${8 * wanted.rate} bit/s, queue ${wanted.limit}, burst ${wanted.burst}`
  fail(`${name} is limited to ${8 * tbf.rate} bit/s, queue ${tbf.limit}, ${expected}`)
}

/** One IFB for each interface, known by its alias. */
function planIfb(route: NetlinkSocket, attachment: Attachment): IfbPlan {
  const name = ifbName(attachment)
  return { name, alias: hostLinkAlias(attachment, ''), freeName: () => freeName(route, name, attachment) }
}

function describeIfb({ name, mac, mtu }: Link): Interface {
  return { name, mac: formatMac(mac), mtu }
}

function redirectToIfb(route: NetlinkSocket, host: Link, bucket: Tbf, plan: IfbPlan): Link {
  const { present, alias } = plan
  if (!present) return addIfbBehind(route, host, bucket, plan)
  transact(route, [replaceTbf(present.index, bucket), setLink({ index: present.index }, { alias })])
  return present
}

/** `ip link add IFB up type ifb; tc qdisc … tbf; tc qdisc add dev HOST clsact; tc filter … redirect`. Leaves no IFB where it fails. */
function addIfbBehind(route: NetlinkSocket, host: Link, bucket: Tbf, { name, alias, freeName }: IfbPlan): Link {
  return withUndo((undo) => {
    freeName()
    undo('delete the IFB', freeName)
    const ifb = transactLink(route, [addIfb({ name, mtu: host.mtu }), setLink({ name }, { alias })], { name })
    const requests = [replaceTbf(ifb.index, bucket), ensureClsact(host.index), redirectIngress(host.index, ifb.index, PRIORITY)]
    const { failures } = exchange(route, requests)
    // No clsact because an ingress qdisc is in its place: that does as well, if the filter could be added.
    const failure = failures.length === 1 && failures[0]?.index === 1 ? undefined : failures[0]
    if (failure) throw new SysError(requests[failure.index]?.op ?? 'limit egress', failure.errno, failure.detail)
    return ifb
  })
}
