// CHECK and STATUS of `ptp`: look, compare, change nothing.

import { CniError, ErrInvalidNetworkConfig } from '../../cni/error.ts'
import type { Request, StatusRequest } from '../../cni/plugin.ts'
import { withNetlink } from '../../kernel/netlink/socket.ts'
import { IFF_UP, NETLINK_ROUTE } from '../../kernel/route/constants.ts'
import { findLink } from '../../kernel/route/link.ts'
import { checkForwarding, checkPodInterface, fail } from '../check-pod.ts'
import { withPod } from '../pod-interface.ts'
import { checkPointToPoint } from '../point-to-point.ts'
import type { PtpConfig } from './config.ts'

/** The host's end is the peer of the pod's, whatever its name: the Go plugin gives it a random one. Its MAC is not compared. */
export function check(request: Request<PtpConfig>): void {
  const { config, ifname, netns, prevResult } = request
  if (!prevResult) throw new CniError(ErrInvalidNetworkConfig, 'prevResult: required for CHECK, but missing')
  config.ipam?.check(request)
  const ips = prevResult.ips.filter(({ interface: index }) => prevResult.interfaces[index ?? -1]?.name === ifname)
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
