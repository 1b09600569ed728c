// What pods send out of the cluster goes with the node's address: two rules and four sets, however many nodes and pods there are.

import { TABLE } from '../contract/marks.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import { commit, tryCommit } from '../kernel/nftables/batch.ts'
import { addChain, deleteChain, findChains } from '../kernel/nftables/chain.ts'
import { NF_IP_PRI_NAT_SRC } from '../kernel/nftables/constants.ts'
import { addElements, deleteElements, flushSet } from '../kernel/nftables/element.ts'
import type { Expression } from '../kernel/nftables/expression.ts'
import { daddr, type IpVersion, saddr } from '../kernel/nftables/field.ts'
import { type Bound, boundElement, dumpBounds, intervalBounds } from '../kernel/nftables/interval.ts'
import { inSet, nfprotoIs, notInSet } from '../kernel/nftables/match.ts'
import type { Request } from '../kernel/nftables/request.ts'
import { addRule, flushChain, listRules, ruleConsistsOf } from '../kernel/nftables/rule.ts'
import { addSet, deleteSet } from '../kernel/nftables/set.ts'
import { masquerade } from '../kernel/nftables/statement.ts'
import { addTable } from '../kernel/nftables/table.ts'
import { type Packed, type PackedPrefix, packedLast } from '../net/packed.ts'
import { EXEMPT_SET, MASQUERADE_CHAIN, POD_SET } from './names.ts'
import type { Pass } from './pass.ts'
import type { ParsedState } from './read-state.ts'
import { noteChange, noteFailure } from './report.ts'

/** Behind the plugin's host ports, which decide on what comes back to a pod by itself. */
const PRIORITY = NF_IP_PRI_NAT_SRC + 5

/** 224.0.0.0/4 and ff00::/8: groups are of a link, and no answer comes back to a changed address. */
const MULTICAST: Readonly<Record<IpVersion, PackedPrefix>> = {
  4: { first: 'e0000000', length: 4 },
  6: { first: `ff${'0'.repeat(30)}`, length: 8 },
}

const FAMILIES = [4, 6] as const

/** The four sets of the desired state. */
export function wantedSets({ node, peers, masquerade: { exempt } }: ParsedState): { name: string; family: IpVersion; bounds: Bound[] }[] {
  return FAMILIES.flatMap((family) => {
    const digits = MULTICAST[family].first.length
    const pods = node.podCidrs.filter(({ first }) => first.length === digits)
    const known = [MULTICAST[family], ...exempt.filter(({ first }) => first.length === digits)]
    const ranges = known.map((prefix) => ({ first: prefix.first, last: packedLast(prefix) }))
    const all = [...known, ...pods]
    for (const { podCidrs } of peers) {
      for (const prefix of podCidrs) {
        const { first } = prefix
        // Most lie in the cluster's prefix, and thousands of them are not worth sorting for that.
        if (first.length === digits && !liesIn(ranges, first)) all.push(prefix)
      }
    }
    return [
      { name: POD_SET[family], family, bounds: intervalBounds(pods) },
      { name: EXEMPT_SET[family], family, bounds: intervalBounds(all) },
    ]
  })
}

function liesIn(ranges: readonly { first: Packed; last: Packed }[], packed: Packed): boolean {
  for (const { first, last } of ranges) if (packed >= first && packed <= last) return true
  return false
}

/** Table, sets and chain as the state requires them, in one transaction; or none of them while masquerade is off. */
export function syncMasquerade(pass: Pass): void {
  if (!pass.state.masquerade.enabled) {
    removeMasquerade(pass)
    return
  }
  const { nft, log, state, dryRun } = pass
  const sets = wantedSets(state).map((set) => ({ ...set, found: dumpBounds(nft, TABLE, set.name) }))
  const rules = wantedRules(state.masquerade)
  const requests: Request[] = []
  const exists = hasRules(nft, rules)
  if (!exists || sets.some(({ found }) => !found)) {
    requests.push(addTable(TABLE), ...FAMILIES.flatMap(setRequests))
  }
  const rebuild: Request[] = [...requests]
  for (const { name, bounds, found } of sets) {
    const missing = new Set(bounds)
    const extra = (found ?? []).filter((bound) => !missing.delete(bound))
    if (found && missing.size === 0 && extra.length === 0) continue
    noteChange(log, 'nft', found ? 'replaced' : 'added', () => `set ${name}: ${missing.size} more, ${extra.length} fewer`)
    requests.push(...deleteElements(TABLE, name, extra.map(boundElement)), ...addElements(TABLE, name, [...missing].map(boundElement)))
    rebuild.push(flushSet(TABLE, name), ...addElements(TABLE, name, bounds.map(boundElement)))
  }
  if (!exists) {
    noteChange(log, 'nft', 'added', () => `chain ${MASQUERADE_CHAIN}`)
    const chain = [
      addChain(TABLE, MASQUERADE_CHAIN, { base: { type: 'nat', hook: 'postrouting', priority: PRIORITY } }),
      flushChain(TABLE, MASQUERADE_CHAIN),
      ...rules.map((rule) => addRule(TABLE, MASQUERADE_CHAIN, rule)),
    ]
    requests.push(...chain)
    rebuild.push(...chain)
  }
  if (dryRun || requests.length === 0) return
  // Some kernels reject ranges that are replaced within one transaction as overlapping: there the sets are rebuilt.
  const failure = tryCommit(nft, requests) && tryCommit(nft, rebuild)
  if (failure) noteFailure(log, 'nft', `inet ${TABLE.table}`, failure.message)
}

/** Removes chain and sets; the table stays, since a plugin may be about to put host ports into it. */
function removeMasquerade({ nft, log, dryRun }: Pass): void {
  const chain = findChains(nft, TABLE, [MASQUERADE_CHAIN]).length > 0
  const sets = FAMILIES.flatMap((family) => [POD_SET[family], EXEMPT_SET[family]]).filter((name) => dumpBounds(nft, TABLE, name))
  const requests: Request[] = []
  if (chain) {
    noteChange(log, 'nft', 'removed', () => `chain ${MASQUERADE_CHAIN}`)
    requests.push(flushChain(TABLE, MASQUERADE_CHAIN), deleteChain(TABLE, MASQUERADE_CHAIN))
  }
  for (const name of sets) {
    noteChange(log, 'nft', 'removed', () => `set ${name}`)
    requests.push(deleteSet(TABLE, name))
  }
  if (!dryRun) commit(nft, requests)
}

function setRequests(family: IpVersion): Request[] {
  const key = [family === 4 ? 'ipv4_addr' : 'ipv6_addr'] as const
  return [
    addSet(TABLE, { name: POD_SET[family], key, interval: true, comment: 'pods of this node' }),
    addSet(TABLE, { name: EXEMPT_SET[family], key, interval: true, comment: 'what pods reach with their own address' }),
  ]
}

/** `ip saddr @pods4 ip daddr != @exempt4 masquerade [fully-random]`, and the same of IPv6 */
function wantedRules({ randomFully }: ParsedState['masquerade']): Expression[][] {
  return FAMILIES.map((family) => [
    ...nfprotoIs(family),
    ...inSet([saddr(family)], POD_SET[family]),
    ...notInSet([daddr(family)], EXEMPT_SET[family]),
    masquerade({ fullyRandom: randomFully }),
  ])
}

function hasRules(nft: NetlinkSocket, rules: readonly Expression[][]): boolean {
  const found = listRules(nft, TABLE, { chain: MASQUERADE_CHAIN })
  return found.length === rules.length && rules.every((rule, i) => found[i] !== undefined && ruleConsistsOf(found[i], rule))
}
