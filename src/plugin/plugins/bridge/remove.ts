// DEL and GC of `bridge`: needs no namespace, no prevResult, no valid ranges. Everything is tried, then the failures are reported.

import { gatherErrors } from '../../../cni/error.ts'
import type { GcRequest, Request } from '../../../cni/plugin.ts'
import type { ValidAttachment } from '../../../cni/types.ts'
import { log } from '../../../host/log.ts'
import { type NetlinkSocket, withNetlink } from '../../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { type Link, listLinks, removeLink } from '../../../kernel/route/link.ts'
import { portAlias, portAliasPrefix } from '../../link/bridge-port.ts'
import { linkAndLease } from '../../pod/detach.ts'
import { withPodIfExists } from '../../pod/namespace.ts'
import type { BridgeConfig } from './config.ts'
import { spoofCheck } from './segment.ts'

/**
 * The masquerade goes before link and lease: the kernel lets readers of a deleted rule finish before it closes our socket, some 10 ms that pass while
 * it deletes the link anyway.
 */
export function del(request: Request<BridgeConfig>): void {
  const { config } = request
  gatherErrors('DEL', [
    () => config.masquerade?.remove(request),
    ...linkAndLease(request, () => removePair(request)),
    () => config.macspoofchk && spoofCheck().removeSpoofCheck(request),
  ])
}

/** Removes what belongs to this network and to no attachment of the list; without a list, nothing. */
export function gc(request: GcRequest<BridgeConfig>): void {
  const { config, network, valid } = request
  if (!valid) return
  gatherErrors('GC', [
    () => deleteStaleLinks(network, valid),
    () => config.ipam?.gc(request),
    () => config.macspoofchk && spoofCheck().gcSpoofCheck(valid),
    () => config.masquerade?.gc(network, valid),
  ])
}

/** By the pod's end; where the namespace's path is gone by the host's end: a process may still hold the namespace, and the address in it. */
function removePair(request: Request<BridgeConfig>): void {
  if (withPodIfExists(request.netns, (pod) => removeLink(pod.route, { name: request.ifname }))) return
  const own = portAlias(request)
  deleteLinks((alias) => alias === own)
}

function deleteStaleLinks(network: string, valid: readonly ValidAttachment[]): void {
  const live = new Set(valid.map((attachment) => portAlias({ network, ...attachment })))
  deleteLinks((alias) => alias.startsWith(portAliasPrefix(network)) && !live.has(alias))
}

/** Deletes the pairs whose host end has an alias that is stale. */
function deleteLinks(isStale: (alias: string) => boolean): void {
  withNetlink(NETLINK_ROUTE, (route) => {
    const stale = listLinks(route).filter(({ alias }) => isStale(alias))
    gatherErrors(
      'delete stale links',
      stale.map((link) => () => removeStale(route, link)),
    )
  })
}

function removeStale(route: NetlinkSocket, { index, name, alias }: Link): void {
  log.info('deleting a stale link', { name, alias })
  removeLink(route, { index })
}
