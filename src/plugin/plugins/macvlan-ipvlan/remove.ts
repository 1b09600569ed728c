// DEL and GC of `macvlan` and `ipvlan`. The link is in the pod and goes with it: where the namespace is gone, only the lease is left.

import { gatherErrors } from '../../../cni/error.ts'
import type { GcRequest, Request } from '../../../cni/plugin.ts'
import { removeLink } from '../../../kernel/route/link.ts'
import { hostLinkName } from '../../link/owner.ts'
import { linkAndLease } from '../../pod/detach.ts'
import { withPodIfExists } from '../../pod/namespace.ts'
import type { ChildConfig } from './config.ts'

export function del(request: Request<ChildConfig>): void {
  gatherErrors(
    'DEL',
    linkAndLease(request, () => removeChild(request)),
  )
}

/** Also under the name that it has until ADD renames it: an ADD may have been killed before. */
function removeChild(request: Request<ChildConfig>): void {
  withPodIfExists(request.netns, (pod) => {
    if (!removeLink(pod.route, { name: request.ifname })) removeLink(pod.route, { name: hostLinkName(request) })
  })
}

export function gc(request: GcRequest<ChildConfig>): void {
  if (request.valid) request.config.ipam?.gc(request)
}
