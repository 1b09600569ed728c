// Both ends of the pair that attaches the pod.

import { CniError, ErrInvalidNetworkConfig } from '../../../cni/error.ts'
import type { Request } from '../../../cni/plugin.ts'
import type { Result } from '../../../cni/types.ts'
import { compareVersions } from '../../../cni/version.ts'
import type { NetlinkSocket } from '../../../kernel/netlink/socket.ts'
import { findLink, type Link } from '../../../kernel/route/link.ts'
import type { Pod } from '../../pod/namespace.ts'
import type { ShapedPod } from '../../shaping/limit.ts'

export interface Pair {
  readonly host: Link
  readonly pod: ShapedPod
}

/**
 * The host's end is what the pod's end names as its peer, and names that as its own. prevResult has to list it, as the reference plugin requires:
 * where the peer is in a third namespace, its index may be another link's here.
 */
export function findPair(route: NetlinkSocket, pod: Pod, request: Request<unknown>, { interfaces }: Result): Pair {
  const { ifname, cniVersion } = request
  const isLegacy = compareVersions(cniVersion, '0.3.0') < 0
  if (interfaces.length === 0 && !isLegacy) reject('no interfaces provided')
  const end = findLink(pod.route, { name: ifname })
  if (!end) reject(`container interface ${ifname} is missing in ${request.netns}`)
  if (end.kind !== 'veth' || end.peer === 0) reject(`container interface ${ifname} has no veth peer: it is ${end.kind || 'of no kind'}`)
  const host = findLink(route, { index: end.peer })
  if (!host) reject(`veth peer with index ${end.peer} is not in host ns`)
  const isListed = isLegacy || interfaces.some(({ name, sandbox }) => name === host.name && !sandbox)
  if (!isListed || host.kind !== 'veth' || host.peer !== end.index) {
    reject(
      `no veth peer of container interface ${ifname} found in host ns, prevResult lists ${interfaces.map(({ name }) => name).join(', ')}`,
    )
  }
  return { host, pod: { ...pod, index: end.index } }
}

function reject(problem: string): never {
  throw new CniError(ErrInvalidNetworkConfig, problem)
}
