// DEL and GC of `podwire`: need no namespace, no prevResult, no ranges, no agent. Everything is tried, then the failures are reported.

import { gatherErrors } from '../../../cni/error.ts'
import type { GcRequest, Request } from '../../../cni/plugin.ts'
import { withNetlink } from '../../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { hostPortRules } from '../../host-ports/segment.ts'
import { removeOwnLinks, removeStaleLinks } from '../../link/own-links.ts'
import type { PodwireConfig } from './config.ts'

/**
 * The link goes before the lease, the ports before the link: the next owner of the address must not be reachable by the last one's ports.
 * The lease stays where one of them does.
 */
export function del(request: Request<PodwireConfig>): void {
  withNetlink(NETLINK_ROUTE, (route) =>
    gatherErrors('DEL', [() => hostPortRules().removeHostPorts(request), () => removeOwnLinks(route, request)]),
  )
  request.config.ipam?.del(request)
}

/** Removes what belongs to this network and to no attachment of the list; without a list, nothing. */
export function gc(request: GcRequest<PodwireConfig>): void {
  const { config, network, valid } = request
  if (!valid) return
  withNetlink(NETLINK_ROUTE, (route) =>
    gatherErrors('GC', [
      () => hostPortRules().gcHostPorts(network, valid),
      () => removeStaleLinks(route, network, valid),
      () => config.ipam?.gc(request),
    ]),
  )
}
