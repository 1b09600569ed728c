// One pass: read what the kernel has, compare with the desired state, change the difference. Safe to repeat, at any time.

import { desiredPath } from '../contract/paths.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { openBulkNetlink } from '../kernel/netlink/bulk.ts'
import { closeNetlink, type NetlinkSocket } from '../kernel/netlink/socket.ts'
import { NETLINK_NETFILTER } from '../kernel/nftables/constants.ts'
import { NETLINK_ROUTE } from '../kernel/route/constants.ts'
import { formatPacked } from '../net/packed.ts'
import { readConverged, writeConverged } from './converged.ts'
import { readDesiredText, requireDesiredText, writeDesired } from './desired-file.ts'
import { readFacts } from './facts.ts'
import { syncForward } from './forward.ts'
import { syncMasquerade } from './masquerade.ts'
import { ownPort, VXLAN_NAME } from './names.ts'
import { observeKernel } from './observe.ts'
import type { Pass } from './pass.ts'
import { findPaths, formatPrefix } from './paths.ts'
import { peerObjects, syncPeers } from './peers.ts'
import { parseNodeState } from './read-state.ts'
import { attempt, driftOf, hasChanges, NO_DRIFT, newLog, noteFailure, noteProblem, type Report } from './report.ts'
import { PROTOCOL } from './state.ts'
import { ensureForwarding, relaxReversePath } from './sysctls.ts'
import { ensureTunnel, removeTunnel } from './tunnel-device.ts'

export interface ApplyOptions {
  readonly stateDir: string
  /** Report only: change nothing, nor the state on disk. */
  readonly dryRun: boolean
}

/** Makes the kernel match the NodeState in `text` and saves that. Throws a CniError where it is invalid. */
export function applyState(text: string, options: ApplyOptions): Report {
  const start = now()
  const { stateDir, dryRun } = options
  const unchanged = readDesiredText(stateDir) === text
  const sockets = openSockets()
  const converged = unchanged && !dryRun ? stillConverged(text, stateDir, sockets) : undefined
  const report = converged ?? work(text, options, unchanged, sockets)
  closeNetlink(sockets.route)
  // The other is left to the end of the process: closing it waits until what it deleted is out of use.
  return { ...report, durationMs: Math.round((now() - start) * 10) / 10 }
}

/** The same with the saved state: at boot, before the agent has a newer one. */
export function applyLast(options: ApplyOptions): Report {
  return applyState(requireDesiredText(options.stateDir), options)
}

const MAX_PEERS = 50

interface Sockets {
  readonly route: NetlinkSocket
  /** Undefined where the kernel has no nf_tables, with the `reason`. */
  readonly nft: NetlinkSocket | undefined
  readonly reason: string
}

function openSockets(): Sockets {
  const port = ownPort(sys.getpid())
  const route = openBulkNetlink(NETLINK_ROUTE, port)
  try {
    return { route, nft: openBulkNetlink(NETLINK_NETFILTER, port), reason: '' }
  } catch (error) {
    if (!isSysError(error)) throw error
    return { route, nft: undefined, reason: error.message }
  }
}

/** The last report, where that pass converged and the kernel has not changed since. */
function stillConverged(text: string, stateDir: string, { route, nft }: Sockets): Report | undefined {
  const converged = readConverged(stateDir, text)
  return nft && converged && observeKernel(route, nft, converged.place) === converged.kernel ? converged.report : undefined
}

function work(text: string, { stateDir, dryRun }: ApplyOptions, unchanged: boolean, sockets: Sockets): Report {
  const { route, nft } = sockets
  const state = parseNodeState(text)
  const log = newLog(dryRun)
  if (!nft) noteFailure(log, 'nft', 'nf_tables', sockets.reason)
  const facts = readFacts(route, state)
  const paths = findPaths(state, facts)
  const save = () => {
    if (!dryRun && !unchanged) attempt(log, 'state', desiredPath({ stateDir }), () => writeDesired(stateDir, text))
  }
  const done = runPass({ route, nft: nft ?? route, state, facts, paths, log, dryRun }, nft !== undefined, save)
  const report: Report = {
    protocol: PROTOCOL,
    changed: log.changed,
    routes: { desired: done.desired, actual: done.actual },
    mtu: paths.mtu,
    vxlan: done.vxlan,
    problems: log.problems,
    failed: log.failed,
    peers: paths.unreached.slice(0, MAX_PEERS).map(({ name, reason }) => ({ name, path: 'none', reason })),
    durationMs: 0,
    drift: unchanged ? driftOf(log) : NO_DRIFT,
    ...(log.changes && { changes: log.changes }),
  }
  const { node, routing } = state
  if (nft && unchanged && !dryRun && log.failed === 0 && !hasChanges(log)) {
    writeConverged(stateDir, text, observeKernel(route, nft, { node, routing }), { node, routing }, report)
  }
  return report
}

interface Outcome {
  readonly desired: number
  readonly actual: number
  readonly vxlan: boolean
}

/** `added` is called when the desired objects exist and before stale ones are removed: `node watch` must know the new state by then. */
function runPass(pass: Pass, hasFilter: boolean, added: () => void): Outcome {
  const { log, dryRun } = pass
  const { tunnel } = pass.paths
  reportProblems(pass)
  attempt(log, 'sysctl', 'forwarding', () => ensureForwarding(pass))
  const index = tunnel && attempt(log, 'link', VXLAN_NAME, () => ensureTunnel(pass, tunnel))
  if (index) attempt(log, 'sysctl', 'rp_filter', () => relaxReversePath(pass))
  const wanted = peerObjects(pass, index)
  // Without the node's address no path is known: existing routes stay.
  const known = hasUplink(pass)
  const synced = known ? attempt(log, 'routes', 'all', () => syncPeers(pass, wanted, index)) : undefined
  if (hasFilter) {
    attempt(log, 'nft', 'masquerade', () => syncMasquerade(pass))
    attempt(log, 'forward', 'FORWARD', () => syncForward(pass))
  }
  added()
  synced?.sweep()
  if (known && !tunnel) attempt(log, 'link', VXLAN_NAME, () => removeTunnel(pass))
  const desired = wanted.routes[4].length + wanted.routes[6].length
  return { desired, actual: synced?.actual ?? 0, vxlan: index !== undefined && (index > 0 || dryRun) }
}

function hasUplink({ paths, facts, state, log }: Pass): boolean {
  if (paths.tunnel || facts.uplinks[4] || facts.uplinks[6] || state.routing.mode === 'none') return true
  const where = state.routing.device === '' ? 'no device has an address of the node' : `device ${state.routing.device} does not exist`
  noteFailure(log, 'no-uplink', state.node.name, `cannot find the uplink, routes to peers stay as they are: ${where}`)
  return false
}

function reportProblems({ log, paths, state, facts }: Pass): void {
  for (const { name, subnet, address, fatal } of paths.overlaps) {
    const consequence = fatal ? 'and gets no route, which would cut this node off' : 'and gets its route nevertheless'
    noteProblem(
      log,
      'host-overlap',
      formatPrefix(subnet),
      `podCIDR of node ${name} overlaps the subnet of this node's ${formatPacked(address)}, ${consequence}`,
    )
  }
  for (const { name, reason } of paths.unreached) noteProblem(log, 'no-path', name, reason)
  const uplink = facts.uplinks[4] ?? facts.uplinks[6]
  if (uplink && state.mtu > uplink.link.mtu)
    noteProblem(log, 'mtu', uplink.link.name, `mtu ${state.mtu} exceeds this device's ${uplink.link.mtu}: lower mtu, or set it to 0`)
}

function now(): number {
  return sys.clock_gettime(CLOCK_MONOTONIC) * 1000
}

const CLOCK_MONOTONIC = 1
