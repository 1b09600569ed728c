// Removes everything that passes make, recognised by the marks alone: no state is needed. Sysctls stay, since others may rely on them.

import { BRIDGE_ALIAS, ROUTE_PROTOCOL, TABLE, VXLAN_ALIAS } from '../contract/marks.ts'
import type { Problem } from '../contract/problem.ts'
import { sys } from '../host/sys.ts'
import { openBulkNetlink, sendBodies } from '../kernel/netlink/bulk.ts'
import { closeNetlink, type NetlinkSocket } from '../kernel/netlink/socket.ts'
import { commit } from '../kernel/nftables/batch.ts'
import { NETLINK_NETFILTER } from '../kernel/nftables/constants.ts'
import { deleteRule } from '../kernel/nftables/rule.ts'
import { deleteTable, listTables } from '../kernel/nftables/table.ts'
import { NETLINK_ROUTE } from '../kernel/route/constants.ts'
import { listLinks } from '../kernel/route/link.ts'
import { removeLinks } from '../kernel/route/link-group.ts'
import { deleteRoute, describeRouteBody, dumpRoutes } from '../kernel/route/route-body.ts'
import { FILTER_TABLES, FORWARD_CHAIN, ownForwardRules } from './forward.ts'
import { ownPort } from './names.ts'
import { attempt, type Log, newLog, noteFailure } from './report.ts'

export interface Removed {
  readonly kind: 'forward-rule' | 'nft-table' | 'route' | 'link'
  readonly object: string
}

export interface Removal {
  /** What was removed; in a dry run, what would be. */
  readonly removed: readonly Removed[]
  readonly problems: readonly Problem[]
  /** How many of the problems are failures. */
  readonly failed: number
}

/** Packet filter, routes, device: in the reverse of the order in which they came. Tries everything. */
export function removeNode({ dryRun }: { dryRun: boolean }): Removal {
  const log = newLog(false)
  const removed: Removed[] = []
  const port = ownPort(sys.getpid())
  const route = openBulkNetlink(NETLINK_ROUTE, port)
  const nft = attempt(log, 'nft', 'nf_tables', () => openBulkNetlink(NETLINK_NETFILTER, port))
  if (nft) {
    for (const family of [4, 6] as const) attempt(log, 'forward', FORWARD_CHAIN, () => removed.push(...removeForward(nft, family, dryRun)))
    attempt(log, 'nft', `inet ${TABLE.table}`, () => removed.push(...removeTable(nft, dryRun)))
  }
  for (const family of [4, 6] as const)
    attempt(log, 'route', `IPv${family}`, () => removed.push(...removeRoutes(log, route, family, dryRun)))
  attempt(log, 'link', 'podwire:…', () => removed.push(...removeDevices(route, dryRun)))
  closeNetlink(route)
  return { removed, problems: log.problems, failed: log.failed }
}

function removeForward(nft: NetlinkSocket, family: 4 | 6, dryRun: boolean): Removed[] {
  const ref = FILTER_TABLES[family]
  const rules = ownForwardRules(nft, ref)
  if (!dryRun) {
    commit(
      nft,
      rules.map(({ handle }) => deleteRule(ref, FORWARD_CHAIN, handle)),
    )
  }
  return rules.map(({ handle }) => ({ kind: 'forward-rule', object: `${ref.family} ${ref.table} ${FORWARD_CHAIN} handle ${handle}` }))
}

function removeTable(nft: NetlinkSocket, dryRun: boolean): Removed[] {
  if (!listTables(nft, TABLE.family).some(({ name }) => name === TABLE.table)) return []
  if (!dryRun) commit(nft, [deleteTable(TABLE)])
  return [{ kind: 'nft-table', object: `${TABLE.family} ${TABLE.table}` }]
}

function removeRoutes(log: Log, route: NetlinkSocket, family: 4 | 6, dryRun: boolean): Removed[] {
  const bodies = dumpRoutes(route, family, ROUTE_PROTOCOL)
  const failures = dryRun ? [] : sendBodies(route, bodies.map(deleteRoute))
  const rejected = new Set(failures.map(({ index }) => index))
  for (const { index, errno, detail } of failures) {
    noteFailure(log, 'route', describeRouteBody(bodies[index] ?? ''), `${sys.strerror(errno)}${detail && ` (${detail})`}`)
  }
  return bodies.filter((_, i) => !rejected.has(i)).map((body) => ({ kind: 'route', object: describeRouteBody(body) }))
}

/** The tunnel's end, and the bridge where no pod is on it any more. */
function removeDevices(route: NetlinkSocket, dryRun: boolean): Removed[] {
  const links = listLinks(route)
  const isFree = (index: number) => !links.some(({ master }) => master === index)
  const own = links.filter(({ alias, index }) => alias === VXLAN_ALIAS || (alias === BRIDGE_ALIAS && isFree(index)))
  if (!dryRun) removeLinks(route, own)
  return own.map(({ name }) => ({ kind: 'link', object: name }))
}
