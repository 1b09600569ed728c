// DEL and GC of `ptp`: need no namespace, no prevResult, no valid ranges. Everything is tried, then the failures are reported.

import { gatherErrors } from '../../../cni/error.ts'
import type { GcRequest, Request } from '../../../cni/plugin.ts'
import { withNetlink } from '../../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { removeLink } from '../../../kernel/route/link.ts'
import { removeOwnLinks, removeStaleLinks } from '../../link/own-links.ts'
import { hostLinkName } from '../../link/owner.ts'
import { linkAndLease } from '../../pod/detach.ts'
import { withPodIfExists } from '../../pod/namespace.ts'
import type { PtpConfig } from './config.ts'

/** The masquerade goes first: the wait for readers of its rules passes while the kernel deletes the link. */
export function del(request: Request<PtpConfig>): void {
  const { config } = request
  gatherErrors('DEL', [() => config.masquerade?.remove(request), ...linkAndLease(request, () => removePair(request))])
}

/** Removes what belongs to this network and to no attachment of the list; without a list, nothing. */
export function gc(request: GcRequest<PtpConfig>): void {
  const { config, network, valid } = request
  if (!valid) return
  gatherErrors('GC', [
    () => config.masquerade?.gc(network, valid),
    () => withNetlink(NETLINK_ROUTE, (route) => removeStaleLinks(route, network, valid)),
    () => config.ipam?.gc(request),
  ])
}

/** By the pod's end, podwire's or the reference plugin's; where the namespace or the pod's end is gone, by the host's end. */
function removePair(request: Request<PtpConfig>): void {
  let removed = false
  withPodIfExists(request.netns, (pod) => {
    removed = removeLink(pod.route, { name: request.ifname })
  })
  if (!removed) withNetlink(NETLINK_ROUTE, (route) => removeOwnLinks(route, request, [hostLinkName(request)]))
}
