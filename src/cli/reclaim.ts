// Which leases are stale, and what goes with each: host ports, then the IFB, then the lease. Each under the lock that ADD takes its lease under.

import { formatError, toCniError } from '../cni/error.ts'
import type { Attachment } from '../cni/types.ts'
import { leaseRoot, type Paths } from '../contract/paths.ts'
import type { Problem } from '../contract/problem.ts'
import { sys } from '../host/sys.ts'
import { exists, namesIn } from '../host/whole-file.ts'
import { bootId } from '../ipam/boot.ts'
import { scanLeases } from '../ipam/scan.ts'
import { withExistingLeases } from '../ipam/store.ts'
import { withNetlink } from '../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../kernel/route/constants.ts'
import { type Link, listLinks } from '../kernel/route/link.ts'
import { liveness } from '../liveness/segment.ts'
import { formatAddress } from '../net/address.ts'
import { hostPortRules } from '../plugin/host-ports/segment.ts'
import { removeOwnLinks } from '../plugin/link/own-links.ts'
import { leaseDirectories } from './attachments.ts'

export interface ReclaimOptions {
  readonly paths: Paths
  readonly cacheDir: string
  /** Seconds that a lease has to be old. */
  readonly grace: number
  readonly dryRun: boolean
}

export interface ReclaimReport {
  readonly reclaimed: readonly { readonly kind: 'lease'; readonly object: string; readonly reason: string }[]
  /** Why leases without a pair were left alone. */
  readonly unseen: readonly Problem[]
  readonly problems: readonly Problem[]
}

interface Candidate extends Attachment {
  readonly directory: string
}

export function reclaim({ paths, cacheDir, grace, dryRun }: ReclaimOptions): ReclaimReport {
  const results = `${cacheDir}/results`
  if (!exists(results)) return { reclaimed: [], unseen: [unseen(results, 'cannot be seen: nothing reclaimed')], problems: [] }
  const reclaimed: { kind: 'lease'; object: string; reason: string }[] = []
  const unknown: Problem[] = []
  const problems: Problem[] = []
  withNetlink(NETLINK_ROUTE, (route) => {
    const links = listLinks(route)
    for (const candidate of candidates(paths)) {
      const reason = staleReason(candidate, paths, cacheDir, links)
      if (reason === undefined) continue
      const object = `${candidate.containerId} ${candidate.ifname} of network ${candidate.network}`
      if (reason === '') {
        unknown.push(unseen(object, "its namespace or the runtime's saved result cannot be seen: not reclaimed"))
        continue
      }
      try {
        const isStale = () => staleReason(candidate, paths, cacheDir, listLinks(route)) === reason
        for (const address of release(candidate, grace, dryRun, isStale, () => removeOwnLinks(route, candidate))) {
          reclaimed.push({ kind: 'lease', object: `${address} (${object})`, reason })
        }
      } catch (error) {
        problems.push({ kind: 'lease', object, message: formatError(toCniError(error)), failed: true })
      }
    }
  })
  return { reclaimed, unseen: unknown, problems }
}

/** The owners of leases, each once. */
function candidates(paths: Paths): Candidate[] {
  return leaseDirectories(paths).flatMap(({ directory, network }) => {
    const found = new Map<string, Candidate>()
    for (const { owner } of scanLeases(directory, namesIn(directory), bootId()).leases) {
      // Records of the container alone are of host-locals before 0.7: nothing else names their interface.
      if (owner?.ifname === undefined) continue
      found.set(`${owner.containerId} ${owner.ifname}`, { directory, network, containerId: owner.containerId, ifname: owner.ifname })
    }
    return [...found.values()]
  })
}

/** Undefined where it is not stale, '' where that cannot be seen. */
function staleReason(candidate: Candidate, paths: Paths, cacheDir: string, links: readonly Link[]): string | undefined {
  const state = liveness().attachmentState(cacheDir, candidate, links)
  if (state === 'alive') return undefined
  if (state === 'unknown') return ''
  if (state === 'gone') return 'its namespace is gone and there was no DEL'
  // A pair of podwire's is only to be expected where the lease is the plugin podwire's.
  return candidate.directory.startsWith(`${leaseRoot(paths)}/`) ? 'it has no pair, and the runtime no saved result' : ''
}

/** The addresses that were released, or in a dry run would be. */
function release(candidate: Candidate, grace: number, dryRun: boolean, isStale: () => boolean, removeLinks: () => void): string[] {
  const { directory, containerId, ifname } = candidate
  if (dryRun) return staleFiles(candidate, grace)
  const owner = { containerId, ifname }
  const done = withExistingLeases(directory, (store) => {
    const addresses = store.addressesOf(owner)
    if (addresses.length === 0 || addresses.some((address) => store.ageOf(address) < grace) || !isStale()) return []
    // As in DEL: the next owner of the address must not be reachable by the ports of the last one.
    hostPortRules().removeHostPorts(candidate)
    removeLinks()
    for (const address of addresses) store.release(address, owner)
    return addresses.map(formatAddress)
  })
  return done?.value ?? []
}

/** The same without the lock, which would sweep the directory. */
function staleFiles({ directory, containerId, ifname }: Candidate, grace: number): string[] {
  const own = scanLeases(directory, namesIn(directory), bootId()).leases.filter(
    ({ owner }) => owner?.containerId === containerId && owner.ifname === ifname,
  )
  const isOld = ({ address }: { readonly address: string }) => sys.clock_gettime(0) - sys.lstat(`${directory}/${address}`).mtime >= grace
  return own.every(isOld) ? own.map(({ address }) => address) : []
}

function unseen(object: string, message: string): Problem {
  return { kind: 'unseen', object, message, failed: false }
}
