// ADD of `ptp`: lease, pair, addresses, routes, masquerade; undone in reverse when one of them fails.

import type { Request } from '../../../cni/plugin.ts'
import { ownInterfaces } from '../../../cni/result.ts'
import type { Result } from '../../../cni/types.ts'
import { type Undo, withUndo } from '../../../cni/undo.ts'
import { type NetlinkSocket, withNetlink } from '../../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { removeLink } from '../../../kernel/route/link.ts'
import { formatMac } from '../../../net/mac.ts'
import { freeName } from '../../link/own-links.ts'
import { hostLinkAlias, hostLinkName } from '../../link/owner.ts'
import { addPair, gatewayRoutes, routeToPod } from '../../link/point-to-point.ts'
import { awaitUp } from '../../link/wait-up.ts'
import { enableForwarding, gatewayCidrs, podEndMac, podMac, takeLease, withGateways } from '../../pod/attach.ts'
import { lockPod } from '../../pod/lock.ts'
import { podName } from '../../pod/name.ts'
import { configurePod, type Pod, podRoutes, requireFreeName, withPod } from '../../pod/pod-interface.ts'
import type { PtpConfig } from './config.ts'

export function add(request: Request<PtpConfig>): Result {
  return withPod(request.netns, (pod) => {
    lockPod(pod, request.netns)
    requireFreeName(pod, request.ifname, request.netns)
    return withNetlink(NETLINK_ROUTE, (route) => withUndo((undo) => attach(request, pod, route, undo)))
  })
}

function attach(request: Request<PtpConfig>, pod: Pod, route: NetlinkSocket, undo: Undo): Result {
  const { config, ifname, netns } = request
  const lease = takeLease(request, config.ipam, pod, undo)
  // Without a gateway there would be no way out of the pod.
  const ips = withGateways(lease.ips, true, 1)
  const podEnd = { name: ifname, netns: pod.fd, mtu: config.mtu, mac: podMac(undefined, ips) }
  const hostEnd = { name: hostLinkName(request), mtu: config.mtu, alias: hostLinkAlias(request, podName(request.args)) }
  // A pair of that name whose other end is in no pod that asks: what an ADD that was killed has left.
  freeName(route, hostEnd.name, request)

  const host = addPair(route, hostEnd, podEnd)
  undo('delete the veth pair', () => removeLink(route, { index: host.index }))
  routeToPod(route, host, ips)
  const routes = podRoutes(pod, ifname, lease.routes, ips)
  configurePod(pod, { index: host.peer, ifname, ips, routes, own: gatewayRoutes(ips), enabledad: false, up: true })
  if (config.masquerade) {
    const { masquerade } = config
    undo('remove the masquerade', () => masquerade.remove(request))
    masquerade.add(request, ips)
  }
  // Not undone, so after what may fail.
  enableForwarding(route, gatewayCidrs(ips))
  awaitUp(route, host)
  const mac = formatMac(podEnd.mac ?? podEndMac(pod, host))
  return {
    interfaces: ownInterfaces(request.cniVersion, [
      { name: host.name, mac: formatMac(host.mac), mtu: host.mtu },
      { name: ifname, mac, mtu: host.mtu, sandbox: netns },
    ]),
    ips,
    routes,
    dns: config.dns ?? lease.dns,
  }
}
