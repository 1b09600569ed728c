// DEL of the plugins that attach a pod: in which order the interface and the lease go (docs/decisions/0008-the-order-of-del.md).

import type { Request } from '../../cni/plugin.ts'
import type { AttachConfig } from './attach.ts'

/**
 * The steps that remove the interface and release the lease, for gatherErrors. The interface goes first, and the lease stays where it cannot be removed:
 * an address that is given to another pod must not be answered by this one. A lease that is released by the interface goes before it.
 */
export function linkAndLease(request: Request<AttachConfig>, removeInterface: () => void): (() => void)[] {
  const { ipam } = request.config
  const release = () => ipam?.del(request)
  if (ipam?.needsLink) return [release, removeInterface]
  return [
    () => {
      removeInterface()
      release()
    },
  ]
}
