// DEL and GC of `macvlan` and `ipvlan`. The link is in the pod and goes with it: where the namespace is gone, only the lease is left.

import { gatherErrors } from '../../../cni/error.ts'
import type { GcRequest, Request } from '../../../cni/plugin.ts'
import { removeLink } from '../../../kernel/route/link.ts'
import { hostLinkName } from '../../link/owner.ts'
import { withPodIfExists } from '../../pod/pod-interface.ts'
import type { StackedConfig } from './config.ts'

/** The link goes before the lease, and the lease stays where the link does; but a lease that is given back by the link goes first. */
export function del(request: Request<StackedConfig>): void {
  const { ipam, leaseNeedsLink } = request.config
  if (leaseNeedsLink) {
    gatherErrors('DEL', [() => ipam?.del(request), () => removeStacked(request)])
    return
  }
  removeStacked(request)
  ipam?.del(request)
}

/** What a killed ADD has left unnamed goes as well. */
function removeStacked(request: Request<StackedConfig>): void {
  withPodIfExists(request.netns, (pod) => {
    if (!removeLink(pod.route, { name: request.ifname })) removeLink(pod.route, { name: hostLinkName(request) })
  })
}

export function gc(request: GcRequest<StackedConfig>): void {
  if (request.valid) request.config.ipam?.gc(request)
}
