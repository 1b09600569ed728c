// The tables of the nftables backend, `ip cni_hostport` and `ip6 cni_hostport`, with the chains that all pods share: the Go plugin's.

import type { NetlinkSocket } from '../../../kernel/netlink/socket.ts'
import { addChain, findChains } from '../../../kernel/nftables/chain.ts'
import { NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC } from '../../../kernel/nftables/constants.ts'
import { type Expression, verdict } from '../../../kernel/nftables/expression.ts'
import type { IpVersion } from '../../../kernel/nftables/field.ts'
import { fibDaddrType } from '../../../kernel/nftables/match.ts'
import type { Request, TableRef } from '../../../kernel/nftables/request.ts'
import { addRule, flushChain, type KernelRule, targetChain } from '../../../kernel/nftables/rule.ts'
import { addTable } from '../../../kernel/nftables/table.ts'

/** The rules of the pods, one for each port. */
export const HOSTPORTS = 'hostports'
/** Where older Go plugins have those of one address of the node. */
export const OLD_HOSTPORTS = 'hostip_hostports'
export const MASQUERADING = 'masquerading'
export const TABLE_COMMENT = 'CNI portmap plugin'

const ALL = 'hostports_all'
const HOOKS = ['prerouting', 'output'] as const

export function tableOf(version: IpVersion): TableRef {
  return { family: version === 4 ? 'ip' : 'ip6', table: 'cni_hostport' }
}

/**
 * Requests for the table and the shared chains; none where each has as many rules as it should, whatever these are: conditions that the Go plugin has
 * put in front stay, as pods rely on them.
 */
export function layTable(socket: NetlinkSocket, table: TableRef, snat: boolean): Request[] {
  const names = [HOSTPORTS, OLD_HOSTPORTS, ALL, ...HOOKS, ...(snat ? [MASQUERADING] : [])]
  const found = findChains(socket, table, names)
  const uses = new Map(found.map(({ name, use }) => [name, use]))
  // Two rules, and two that jump to it.
  if (found.length === names.length && uses.get(ALL) === 4 && HOOKS.every((name) => uses.get(name) === 1)) return []
  const masquerading = addChain(table, MASQUERADING, { base: { type: 'nat', hook: 'postrouting', priority: NF_IP_PRI_NAT_SRC } })
  return [
    addTable(table, { comment: TABLE_COMMENT }),
    ...[HOSTPORTS, OLD_HOSTPORTS, ALL].map((name) => addChain(table, name)),
    ...HOOKS.map((hook) => addChain(table, hook, { base: { type: 'nat', hook, priority: NF_IP_PRI_NAT_DST } })),
    ...[ALL, ...HOOKS].map((name) => flushChain(table, name)),
    addRule(table, ALL, [verdict({ jump: OLD_HOSTPORTS })]),
    addRule(table, ALL, [verdict({ jump: HOSTPORTS })]),
    ...HOOKS.map((hook) => addRule(table, hook, toAll())),
    ...(snat ? [masquerading] : []),
  ]
}

/** The first of the shared chains that lacks its jump. */
export function findBroken(rules: readonly KernelRule[]): string | undefined {
  const jumps = (chain: string, target: string) => rules.some((rule) => rule.chain === chain && targetChain(rule) === target)
  if (!jumps(ALL, HOSTPORTS)) return ALL
  return HOOKS.find((hook) => !jumps(hook, ALL))
}

/** `fib daddr type local jump hostports_all`: the node's own addresses and no others, or what only passes through would be taken (CVE-2025-67499). */
function toAll(): Expression[] {
  return [...fibDaddrType('local'), verdict({ jump: ALL })]
}
