// Where another program's FORWARD chain has the policy DROP (Docker sets it), two rules for each of the node's subnets at its
// beginning. The chain stays that program's: iptables lists the rules with its own, with podwire's comment.

import { FORWARD_COMMENT } from '../contract/marks.ts'
import { readWhole } from '../host/whole-file.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import { commit } from '../kernel/nftables/batch.ts'
import { findChains } from '../kernel/nftables/chain.ts'
import { type Expression, verdict } from '../kernel/nftables/expression.ts'
import { ipDaddr, ipSaddr } from '../kernel/nftables/match.ts'
import type { Request, TableRef } from '../kernel/nftables/request.ts'
import { deleteRule, insertRule, type KernelRule, listRules, ruleConsistsOf } from '../kernel/nftables/rule.ts'
import { counter } from '../kernel/nftables/statement.ts'
import { xtablesComment } from '../kernel/nftables/xtables-match.ts'
import type { Cidr } from '../net/cidr.ts'
import { formatPacked, type PackedPrefix, packedFamily, unpackBytes } from '../net/packed.ts'
import type { Pass } from './pass.ts'
import { noteChange, noteProblem } from './report.ts'

/** The tables of iptables on nf_tables, by family. */
export const FILTER_TABLES: Readonly<Record<4 | 6, TableRef>> = {
  4: { family: 'ip', table: 'filter' },
  6: { family: 'ip6', table: 'filter' },
}
export const FORWARD_CHAIN = 'FORWARD'

export const LEGACY_TABLES = { 4: '/proc/net/ip_tables_names', 6: '/proc/net/ip6_tables_names' } as const

/** Adds the rules where they are needed and removes them where they are not, in both families. */
export function syncForward(pass: Pass): void {
  for (const family of [4, 6] as const) {
    const own = pass.state.forwardAccept ? pass.state.node.podCidrs.filter(({ first }) => packedFamily(first) === family) : []
    if (own.length > 0) warnOfLegacy(pass, family)
    syncChain(pass, FILTER_TABLES[family], own)
  }
}

/** podwire's rules in the chain, also where iptables has saved and restored them, which moves the comment into a match. */
export function ownForwardRules(nft: NetlinkSocket, ref: TableRef): KernelRule[] {
  const rules = listRules(nft, ref, { chain: FORWARD_CHAIN, containing: [FORWARD_COMMENT] })
  return rules.filter((rule) => xtablesComment(rule) === FORWARD_COMMENT)
}

function syncChain({ nft, log, dryRun }: Pass, ref: TableRef, own: readonly PackedPrefix[]): void {
  const [chain] = findChains(nft, ref, [FORWARD_CHAIN])
  if (!chain) return
  const wanted = chain.policy === 'drop' ? own.flatMap(acceptRules) : []
  const found = ownForwardRules(nft, ref)
  const missing = wanted.filter(({ expressions }) => !found.some((rule) => ruleConsistsOf(rule, expressions)))
  const extra = found.filter((rule) => !wanted.some(({ expressions }) => ruleConsistsOf(rule, expressions)))
  const requests: Request[] = []
  for (const { text, expressions } of missing) {
    noteChange(log, 'nft', 'added', () => `${ref.family} ${ref.table} ${FORWARD_CHAIN} ${text}`)
    requests.push(insertRule(ref, FORWARD_CHAIN, expressions, FORWARD_COMMENT))
  }
  for (const { handle } of extra) {
    noteChange(log, 'nft', 'removed', () => `${ref.family} ${ref.table} ${FORWARD_CHAIN} handle ${handle}`)
    requests.push(deleteRule(ref, FORWARD_CHAIN, handle))
  }
  if (!dryRun) commit(nft, requests)
}

/** `ip saddr SUBNET counter accept` and `ip daddr SUBNET counter accept`: built of what iptables itself would build them of. */
function acceptRules({ first, length }: PackedPrefix): { text: string; expressions: Expression[] }[] {
  const cidr: Cidr = { address: { family: packedFamily(first), bytes: unpackBytes(first) }, length }
  const subnet = `${formatPacked(first)}/${length}`
  return [
    { text: `saddr ${subnet} accept`, expressions: [...ipSaddr(cidr), counter(), verdict('accept')] },
    { text: `daddr ${subnet} accept`, expressions: [...ipDaddr(cidr), counter(), verdict('accept')] },
  ]
}

/** iptables-legacy has tables outside nf_tables, which only its own program can read and write. */
function warnOfLegacy({ log }: Pass, family: 4 | 6): void {
  const file = LEGACY_TABLES[family]
  if (!(readWhole(file) ?? '').split('\n').includes('filter')) return
  const message = `cannot read the filter table of iptables-legacy: if its FORWARD policy is DROP, accept the pods' subnets there`
  noteProblem(log, 'forward-legacy', file, message)
}
