// ADD of `ptp`: a pair between pod and node, with the gateway and the routes to the pod on the node's end.

import type { Request } from '../../../cni/plugin.ts'
import type { Interface, IpConfig, Result } from '../../../cni/types.ts'
import type { Link } from '../../../kernel/route/link.ts'
import type { Mac } from '../../../net/mac.ts'
import { freeName, removeOwnLinks } from '../../link/own-links.ts'
import { hostLinkAlias, hostLinkName } from '../../link/owner.ts'
import { addPair, gatewayRoutes, routeToPod } from '../../link/point-to-point.ts'
import { awaitUp } from '../../link/wait-up.ts'
import { type Addresses, type Attaching, attachPod, describeLink, type MadeLink } from '../../pod/attach.ts'
import { enableForwarding } from '../../pod/forwarding.ts'
import { gatewayCidrs, withGateways } from '../../pod/gateways.ts'
import { podEndMac, podMac } from '../../pod/mac.ts'
import { podName } from '../../pod/name.ts'
import type { PtpConfig } from './config.ts'

interface Pair extends MadeLink {
  readonly host: Link
  /** undefined: the kernel's choice. */
  readonly mac: Mac | undefined
}

/** The pod's interface is the second of the result. */
const POD_INTERFACE = 1

export const add = (request: Request<PtpConfig>): Result => attachPod(request, { plan, makeLink, finish })

/** Without a gateway no route would lead out of the pod. */
function plan(_: PtpConfig, { ips, routes }: Result): Addresses {
  return { ips: withGateways(ips, true, POD_INTERFACE), routes }
}

function makeLink({ request, pod, route, undo }: Attaching<PtpConfig>, ips: readonly IpConfig[]): Pair {
  const { mtu } = request.config
  const podEnd = { name: request.ifname, netns: pod.fd, mtu, mac: podMac(undefined, ips) }
  const hostEnd = { name: hostLinkName(request), mtu, alias: hostLinkAlias(request, podName(request.args)) }
  // A pair of that name that is in no other pod: an ADD that was killed has left it.
  freeName(route, hostEnd.name, request)
  // Before it is made: the kernel has made it also where its answer is lost.
  undo('delete the veth pair', () => removeOwnLinks(route, request, [hostEnd.name]))
  const host = addPair(route, hostEnd, podEnd)
  routeToPod(route, host, ips)
  return { host, mac: podEnd.mac, podEnd: { index: host.peer, own: gatewayRoutes(ips), enabledad: false, up: true } }
}

function finish({ request, pod, route, undo }: Attaching<PtpConfig>, { host, mac }: Pair, ips: readonly IpConfig[]): Interface[] {
  const { masquerade } = request.config
  if (masquerade) {
    undo('remove the masquerade', () => masquerade.remove(request))
    masquerade.add(request, ips)
  }
  // Not undone, so after what may fail.
  enableForwarding(route, gatewayCidrs(ips))
  awaitUp(route, host)
  const podEnd = { name: request.ifname, mac: mac ?? podEndMac(pod, host), mtu: host.mtu }
  return [describeLink(host), describeLink(podEnd, request.netns)]
}
