// DEL and GC of `podwire`: need no namespace, no prevResult, no ranges, no agent. Everything is tried, then the failures are reported.

import { gatherErrors } from '../../../cni/error.ts'
import type { GcRequest, Request } from '../../../cni/plugin.ts'
import { withNetlink } from '../../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { hostPortRules } from '../../host-ports/segment.ts'
import { removeOwnLinks, removeStaleLinks } from '../../link/own-links.ts'
import type { PodwireConfig } from './config.ts'

/**
 * Link and ports go before the lease: the next owner of the address must not be reachable by the last one's ports. The lease stays where one of them
 * does. The link goes before the ports: while it is there, the agent restores them (src/restore).
 */
export function del(request: Request<PodwireConfig>): void {
  withNetlink(NETLINK_ROUTE, (route) =>
    gatherErrors('DEL', [() => removeOwnLinks(route, request), () => hostPortRules().removeHostPorts(request)]),
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
