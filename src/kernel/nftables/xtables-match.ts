// Matches of iptables in a rule of nf_tables: `match` expressions with x_tables' own structures (linux/netfilter/nf_tables_compat.h).

import type { View } from '../netlink/decode.ts'
import { NFTA_MATCH_INFO, NFTA_MATCH_NAME } from './constants.ts'
import { expressionsOf, type KernelRule } from './rule.ts'

/** `-m comment`: struct xt_comment_info {char comment[256];}. iptables 1.8.10 and later may use nftables' own comments. */
export function xtablesComment(rule: KernelRule): string {
  return xtablesMatch(rule, 'comment')?.text() ?? rule.comment
}

/** The structure of `-m NAME`; undefined where the rule does not have it. */
export function xtablesMatch(rule: KernelRule, match: string): View | undefined {
  for (const { name, data } of expressionsOf(rule)) {
    const attributes = name === 'match' ? data?.attributes() : undefined
    if (attributes?.get(NFTA_MATCH_NAME)?.text() === match) return attributes.get(NFTA_MATCH_INFO)
  }
  return undefined
}
