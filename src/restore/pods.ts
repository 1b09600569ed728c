// Running pods are desired state: what ADD of `podwire` made on the node for a pod is restored where it was removed. The pod's end is never touched.
// Where cache and kernel disagree about who the pod is, nothing is made.

import type { Attachment } from '../cni/types.ts'
import { loadSegment } from '../host/segment.ts'
import { type NetlinkSocket, withNetlink } from '../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../kernel/route/constants.ts'
import { findLink, type Link } from '../kernel/route/link.ts'
import { RUNTIME_CACHE } from '../libcni/cache.ts'
import { formatMac } from '../net/mac.ts'
import { isOwnAlias } from '../plugin/link/owner.ts'
import { restoreBridgePort } from './bridge-port.ts'
import { viewHost } from './host-view.ts'
import { restorePointToPoint } from './point-to-point.ts'
import { noteMissing, notePodProblem, type PodLog, type PodsReport, podsReport, type RunningPod } from './report.ts'
import type { Restoring } from './restoring.ts'
import { type SavedPod, savedPods } from './saved-pods.ts'

/** Compares every running pod with the runtime's cache and restores what the node has lost of it. Safe to repeat, at any time. */
export function restorePods({ dryRun, cacheDir = RUNTIME_CACHE }: { readonly dryRun: boolean; readonly cacheDir?: string }): PodsReport {
  return withNetlink(NETLINK_ROUTE, (route) => {
    const view = viewHost(route)
    const log: PodLog = { changes: [], problems: [] }
    const pods = view.links.size > 0 ? savedPods(cacheDir, new Set(view.links.keys())) : []
    const compared: RunningPod[] = []
    for (const pod of pods) {
      const link = view.links.get(pod.host.name)
      if (!link || !isPods(link, pod)) continue
      compared.push({ pod: pod.pod, network: pod.attachment.network, addresses: pod.ips.map(({ address }) => address.address) })
      restorePod({ route, view, log, dryRun }, pod, link)
    }
    return podsReport(compared, log)
  })
}

/** The link is the one that this ADD made: also another container's could have its name. */
function isPods(link: Link, { attachment, host }: SavedPod): boolean {
  return isOwnAlias(link.alias, attachment) && formatMac(link.mac) === host.mac?.toLowerCase()
}

function restorePod(restoring: Restoring, pod: SavedPod, link: Link): void {
  const restoreLink = pod.config.datapath === 'bridge' ? restoreBridgePort : restorePointToPoint
  try {
    restoreLink(restoring, pod, link)
    if (pod.config.hostPorts.length > 0) restoreHostPorts(restoring, pod, link)
  } catch (error) {
    if (isGone(restoring.route, link, pod.attachment)) return
    notePodProblem(restoring.log, 'pod-link', pod.pod, error)
  }
}

/**
 * DEL removes the link before the host ports. So where the link is still there after they were restored, DEL will remove them; where it is not,
 * DEL may have looked for them already, and they are removed here.
 */
function restoreHostPorts({ route, log, dryRun }: Restoring, { attachment, pod, config: { hostPorts }, ips }: SavedPod, link: Link): void {
  const rules = loadSegment<typeof import('../plugin/host-ports/index.ts')>('host-ports')
  try {
    rules.checkHostPorts(attachment, hostPorts, ips)
    return
  } catch {
    noteMissing(log, 'pod-port', hostPorts.map(({ protocol, hostPort }) => `${protocol}/${hostPort}`).join(', '), pod)
  }
  if (dryRun) return
  try {
    rules.addHostPorts(attachment, pod, hostPorts, ips)
  } catch (error) {
    notePodProblem(log, 'pod-port', pod, error)
  }
  if (isGone(route, link, attachment)) rules.removeHostPorts(attachment)
}

function isGone(route: NetlinkSocket, { index }: Link, attachment: Attachment): boolean {
  const found = findLink(route, { index })
  return !found || !isOwnAlias(found.alias, attachment)
}
