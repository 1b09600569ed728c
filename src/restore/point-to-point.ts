// The host end of a pair: up, with the gateways' addresses and the routes to the pod.

import { EEXIST, ENODEV } from '../host/errno.ts'
import { SysError } from '../host/error.ts'
import { exchange } from '../kernel/netlink/socket.ts'
import { addAddress, addLinkLocal } from '../kernel/route/address.ts'
import { IFF_UP, RT_SCOPE_LINK } from '../kernel/route/constants.ts'
import { type Link, setLink } from '../kernel/route/link.ts'
import { addRoute } from '../kernel/route/route.ts'
import { type Cidr, formatCidr, hostCidr } from '../net/cidr.ts'
import { noteMissing, notePodProblem } from './report.ts'
import type { Restoring } from './restoring.ts'
import type { SavedPod } from './saved-pods.ts'

/** `ip link set HOST up; ip addr add GATEWAY/32 dev HOST; ip route add ADDRESS/32 dev HOST scope link`, whichever is missing. */
export function restorePointToPoint({ route, view, log, dryRun }: Restoring, { pod, ips }: SavedPod, link: Link): void {
  const isDown = !(link.flags & IFF_UP)
  const ofGateways = ips.flatMap(({ gateway }) => (gateway ? [hostCidr(gateway)] : []))
  const gateways = distinct(ofGateways.filter((cidr) => !view.hasAddress(link.index, cidr)))
  const destinations = ips.map(({ address }) => hostCidr(address.address)).filter((cidr) => !view.hasRoute(link.index, cidr))
  if (isDown) noteMissing(log, 'pod-link', `${link.name} up`, pod)
  for (const cidr of gateways) noteMissing(log, 'pod-address', `${formatCidr(cidr)} on ${link.name}`, pod)
  for (const cidr of destinations) noteMissing(log, 'pod-route', `${formatCidr(cidr)} dev ${link.name}`, pod)
  if (dryRun || (!isDown && gateways.length === 0 && destinations.length === 0)) return
  const requests = [
    ...(ips.some(({ address }) => address.address.family === 6) ? [addLinkLocal(link)] : []),
    setLink({ index: link.index }, { up: true }),
    ...gateways.map((cidr) => addAddress(link.index, cidr, { nodad: true })),
    // Not replaced: a route to another device may be that of a pod that has the address now.
    ...destinations.map((dst) => addRoute({ dst, oif: link.index, scope: RT_SCOPE_LINK })),
  ]
  const isRoute = (index: number) => index >= requests.length - destinations.length
  for (const { index, errno, detail } of exchange(route, requests).failures) {
    // ENODEV: the pod is being deleted.
    if (errno === ENODEV || (errno === EEXIST && !isRoute(index))) continue
    const reason = errno === EEXIST ? 'a route to another device is there: remove it' : detail
    notePodProblem(log, 'pod-route', pod, new SysError(requests[index]?.op ?? 'restore', errno, reason))
  }
}

function distinct(cidrs: readonly Cidr[]): Cidr[] {
  return [...new Map(cidrs.map((cidr) => [formatCidr(cidr), cidr])).values()]
}
