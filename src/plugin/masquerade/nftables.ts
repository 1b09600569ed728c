// The nftables backend: table, chains, rules and comments as the Go plugins make them, one transaction each time.

import { CniError, ErrInternal } from '../../cni/error.ts'
import type { Attachment, IpConfig, ValidAttachment } from '../../cni/types.ts'
import { commitPlan } from '../../kernel/nftables/batch.ts'
import { addChain } from '../../kernel/nftables/chain.ts'
import { NF_IP_PRI_NAT_SRC } from '../../kernel/nftables/constants.ts'
import { type Expression, verdict } from '../../kernel/nftables/expression.ts'
import { ipDaddr, ipDaddrNot, ipSaddr, nfprotoIs } from '../../kernel/nftables/match.ts'
import type { Request, TableRef } from '../../kernel/nftables/request.ts'
import { addRule, deleteRule, flushChain, type KernelRule, listRules, ruleConsistsOf, targetChain } from '../../kernel/nftables/rule.ts'
import { masquerade } from '../../kernel/nftables/statement.ts'
import { addTable } from '../../kernel/nftables/table.ts'
import { type Cidr, formatCidr, parseCidr } from '../../net/cidr.ts'
import { attachmentHash, networkHash, nftablesComment } from '../netfilter/identity.ts'
import { hostNftables, whereNftables } from '../netfilter/socket.ts'

const TABLE: TableRef = { family: 'inet', table: 'cni_plugins_masquerade' }
const BASE_CHAIN = 'postrouting'
const CHAIN = 'masq_checks'

const BASE_RULES: readonly (() => Expression[])[] = [
  // ip daddr 224.0.0.0/4 return
  () => [...nfprotoIs(4), ...ipDaddr(parseCidr('224.0.0.0/4')), verdict('return')],
  // ip6 daddr ff00::/8 return
  () => [...nfprotoIs(6), ...ipDaddr(parseCidr('ff00::/8')), verdict('return')],
  // goto masq_checks
  () => [verdict({ goto: CHAIN })],
]

/** Rules for the addresses, in place of those that the attachment has. */
export function addToNftables(attachment: Attachment, ips: readonly IpConfig[]): void {
  const comment = nftablesComment(attachment)
  const wanted = ips.map(({ address }) => addRule(TABLE, CHAIN, addressRule(address), comment))
  const prefix = attachmentHash(attachment)
  change(prefix, (rules) => [...ensureChains(rules), ...deletions(rules, (rule) => rule.comment.startsWith(prefix)), ...wanted])
}

/** Removes the attachment's rules, podwire's or the reference plugin's. */
export function removeFromNftables(attachment: Attachment): void {
  const prefix = attachmentHash(attachment)
  whereNftables(() => change(prefix, (rules) => deletions(rules, (rule) => rule.comment.startsWith(prefix))))
}

/** Removes the rules of `network` that belong to none of `valid`. */
export function gcNftables(network: string, valid: readonly ValidAttachment[]): void {
  const prefix = networkHash(network)
  const live = new Set(valid.map((attachment) => attachmentHash({ network, ...attachment })))
  const isStale = ({ comment }: KernelRule) => comment.startsWith(prefix) && !live.has(comment.slice(0, 2 * prefix.length - 1))
  whereNftables(() => change(prefix, (rules) => deletions(rules, isStale)))
}

/** Throws where the base chain does not go to the rules, or the attachment has no rule for one of the addresses. */
export function checkNftables(attachment: Attachment, ips: readonly IpConfig[]): void {
  const prefix = attachmentHash(attachment)
  const rules = listRules(hostNftables(), TABLE, { containing: [BASE_CHAIN, prefix] })
  const base = rules.filter(({ chain }) => chain === BASE_CHAIN)
  if (!BASE_RULES.every((expressions) => base.some((rule) => ruleConsistsOf(rule, expressions())))) {
    throw new CniError(ErrInternal, `masquerade: nftables chain ${BASE_CHAIN} in table inet ${TABLE.table} lacks a rule`)
  }
  const own = rules.filter((rule) => rule.chain === CHAIN && rule.comment.startsWith(prefix))
  for (const { address } of ips) {
    if (own.some((rule) => ruleConsistsOf(rule, addressRule(address)))) continue
    throw new CniError(ErrInternal, `masquerade: nftables rule for ${formatCidr(address)} is missing`)
  }
}

/** `ip saddr ADDRESS ip daddr != SUBNET masquerade` */
function addressRule(cidr: Cidr): Expression[] {
  return [...nfprotoIs(cidr.address.family), ...ipSaddr(cidr.address), ...ipDaddrNot(cidr), masquerade()]
}

/**
 * Table and chains, unless the base chain has as many rules as it should and the last one goes to the chain.
 * To compare them one by one would cost as much as the rest of ADD.
 */
function ensureChains(rules: readonly KernelRule[]): Request[] {
  const base = rules.filter(({ chain }) => chain === BASE_CHAIN)
  const last = base.at(-1)
  if (last && base.length === BASE_RULES.length && targetChain(last) === CHAIN) return []
  return [
    addTable(TABLE, { comment: 'Masquerading for plugins from github.com/containernetworking/plugins' }),
    addChain(TABLE, CHAIN, { comment: 'Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet' }),
    addChain(TABLE, BASE_CHAIN, { base: { type: 'nat', hook: 'postrouting', priority: NF_IP_PRI_NAT_SRC } }),
    flushChain(TABLE, BASE_CHAIN),
    ...BASE_RULES.map((expressions) => addRule(TABLE, BASE_CHAIN, expressions())),
  ]
}

function deletions(rules: readonly KernelRule[], stale: (rule: KernelRule) => boolean): Request[] {
  return rules.filter((rule) => rule.chain === CHAIN && stale(rule)).map(({ handle }) => deleteRule(TABLE, CHAIN, handle))
}

/** Commits what `plan` makes of the base chain and of the rules whose comments hold `prefix`; reads again where another process changed them in between. */
function change(prefix: string, plan: (rules: readonly KernelRule[]) => readonly Request[]): void {
  const socket = hostNftables()
  commitPlan(socket, () => plan(listRules(socket, TABLE, { containing: [BASE_CHAIN, prefix] })))
}
