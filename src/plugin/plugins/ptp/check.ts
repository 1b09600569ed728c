// CHECK and STATUS of `ptp`: look, compare, change nothing.

import { requirePrevResult } from '../../../cni/config.ts'
import { fail } from '../../../cni/error.ts'
import type { Request, StatusRequest } from '../../../cni/plugin.ts'
import { withNetlink } from '../../../kernel/netlink/socket.ts'
import { IFF_UP, NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { findLink } from '../../../kernel/route/link.ts'
import { checkPointToPoint } from '../../link/point-to-point.ts'
import { checkPodInterface, ipsOf } from '../../pod/check-pod.ts'
import { checkForwarding } from '../../pod/forwarding.ts'
import { withPod } from '../../pod/namespace.ts'
import type { PtpConfig } from './config.ts'

/** The host's end is the peer of the pod's, whatever its name: the Go plugin gives it a random one. Its MAC is not compared. */
export function check(request: Request<PtpConfig>): void {
  const { config, ifname, netns } = request
  const prevResult = requirePrevResult(request, 'CHECK')
  config.ipam?.check(request)
  const ips = ipsOf(prevResult, ifname)
  withNetlink(NETLINK_ROUTE, (route) =>
    withPod(netns, (pod) => {
      const end = checkPodInterface(pod, { ifname, netns, up: true }, prevResult)
      const host = findLink(route, { index: end.peer })
      if (!host) fail(`the host's end #${end.peer} of ${ifname} is missing`)
      if (!(host.flags & IFF_UP)) fail(`${host.name} is down`)
      checkPointToPoint(pod, route, host, ips)
    }),
  )
  checkForwarding(ips)
  config.masquerade?.check(request, ips)
}

/** Ready where IPAM is. */
export function status(request: StatusRequest<PtpConfig>): void {
  request.config.ipam?.status(request)
}
