// CHECK and STATUS of `macvlan` and `ipvlan`: look, compare, change nothing.

import { requirePrevResult } from '../../../cni/config.ts'
import { ErrPluginNotAvailable, fail } from '../../../cni/error.ts'
import type { Request, StatusRequest } from '../../../cni/plugin.ts'
import { withNetlink } from '../../../kernel/netlink/socket.ts'
import { hasLinkKind, readChildMode } from '../../../kernel/route/child-link.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { findLink } from '../../../kernel/route/link.ts'
import { checkPodInterface } from '../../pod/check-pod.ts'
import { withPod } from '../../pod/namespace.ts'
import { missingKind } from './add.ts'
import type { ChildConfig } from './config.ts'
import { findMaster } from './master.ts'

/** Where no master is configured it is the one that ADD found: the default route may have changed. */
export function check(request: Request<ChildConfig>): void {
  const { config, ifname, netns } = request
  const prevResult = requirePrevResult(request, 'CHECK')
  config.ipam?.check(request)
  withPod(netns, (pod) => {
    const end = checkPodInterface(pod, { ifname, netns, up: true, kind: config.kind }, prevResult)
    const mode = readChildMode(end)
    if (mode !== config.mode) fail(`interface ${ifname} has mode ${mode}, expected ${config.mode} (linux/if_link.h)`)
    withNetlink(NETLINK_ROUTE, (host) => {
      const socket = config.linkInContainer ? pod.route : host
      const master = config.master === undefined ? findLink(socket, { index: end.peer }) : findMaster(socket, config.master)
      if (!master) fail(`the master #${end.peer} of ${ifname} is missing`)
      if (master.index !== end.peer) fail(`interface ${ifname} is on link #${end.peer}, and the master ${master.name} is #${master.index}`)
    })
  })
}

/** Ready where the kernel has the kind, the master exists, and IPAM is ready. */
export function status(request: StatusRequest<ChildConfig>): void {
  const { kind, master, linkInContainer, ipam } = request.config
  withNetlink(NETLINK_ROUTE, (route) => {
    if (!hasLinkKind(route, kind)) fail(missingKind(kind), ErrPluginNotAvailable)
    if (!linkInContainer) findMaster(route, master, ErrPluginNotAvailable)
  })
  ipam?.status(request)
}
