// The table of the nftables backend: sets, chains and fixed rules. Or the same within another program's table, whose chain jumps here:
// in nftables accept is final only for its own base chain, and another one with policy drop would drop the pods' packets.

import { addChain } from '../../../kernel/nftables/chain.ts'
import { NF_IP_PRI_FILTER } from '../../../kernel/nftables/constants.ts'
import { type Expression, verdict } from '../../../kernel/nftables/expression.ts'
import { daddr, type IpVersion, iifname, oifname, saddr } from '../../../kernel/nftables/field.ts'
import { ctState, inSet, nfprotoIs, notInSet } from '../../../kernel/nftables/match.ts'
import type { Request, TableRef } from '../../../kernel/nftables/request.ts'
import { addRule, flushChain, insertRule } from '../../../kernel/nftables/rule.ts'
import { addSet } from '../../../kernel/nftables/set.ts'
import { addTable } from '../../../kernel/nftables/table.ts'
import type { FirewallConfig } from './config.ts'

/** What comes here first may decide otherwise: for administrators. */
const ADMIN_CHAIN = 'cni_firewall_admin'
export const POD_CHAIN = 'cni_firewall'
const BASE_CHAIN = 'forward'
/** Bridges that have a policy. */
export const BRIDGES = 'cni_firewall_bridges'
/** `BRIDGE . BRIDGE` for bridges that allow traffic between their pods, and for those that do not. */
export const SAME_BRIDGE = 'cni_firewall_same_bridge'
export const ISOLATED = 'cni_firewall_isolated'

type Place = Pick<FirewallConfig, 'externalChain'>

export function tableOf({ externalChain }: Place): TableRef {
  return { family: 'inet', table: externalChain?.table ?? 'cni_firewall' }
}

/** The chain that jumps to the pods' rules. */
export function baseChain({ externalChain }: Place): string {
  return externalChain?.chain ?? BASE_CHAIN
}

export function podSet(family: IpVersion): string {
  return `cni_firewall_pods${family}`
}

/** The rules of the chain, in their order. */
export function podRules(): Expression[][] {
  const answers = (family: IpVersion) => [
    ...nfprotoIs(family),
    ...inSet([daddr(family)], podSet(family)),
    ...ctState('established', 'related'),
  ]
  const sent = (family: IpVersion) => [...nfprotoIs(family), ...inSet([saddr(family)], podSet(family))]
  return [
    // iifname . oifname @isolated drop
    [...inSet([iifname, oifname], ISOLATED), verdict('drop')],
    // iifname @bridges oifname @bridges iifname . oifname != @same_bridge drop
    [...inSet([iifname], BRIDGES), ...inSet([oifname], BRIDGES), ...notInSet([iifname, oifname], SAME_BRIDGE), verdict('drop')],
    [verdict({ jump: ADMIN_CHAIN })],
    ...([4, 6] as const).map((family) => [...answers(family), verdict('accept')]),
    ...([4, 6] as const).map((family) => [...sent(family), verdict('accept')]),
  ]
}

/** Everything but elements; may be done again where it is there, by several at once, too. */
export function createTable(config: Place): Request[] {
  const ref = tableOf(config)
  const { externalChain } = config
  return [
    ...(externalChain ? [] : [addTable(ref, { comment: 'podwire: CNI plugin firewall' })]),
    ...sets(ref),
    addChain(ref, ADMIN_CHAIN, { comment: 'overrides: rules put here come first' }),
    addChain(ref, POD_CHAIN),
    flushChain(ref, POD_CHAIN),
    ...podRules().map((expressions) => addRule(ref, POD_CHAIN, expressions)),
    ...(externalChain
      ? [insertRule(ref, externalChain.chain, [verdict({ jump: POD_CHAIN })], 'CNI firewall plugin rules')]
      : ownEntry(ref)),
  ]
}

function ownEntry(ref: TableRef): Request[] {
  return [
    addChain(ref, BASE_CHAIN, { base: { type: 'filter', hook: 'forward', priority: NF_IP_PRI_FILTER } }),
    flushChain(ref, BASE_CHAIN),
    addRule(ref, BASE_CHAIN, [verdict({ jump: POD_CHAIN })]),
  ]
}

function sets(ref: TableRef): Request[] {
  return [
    addSet(ref, { name: podSet(4), key: ['ipv4_addr'], comment: 'addresses of pods' }),
    addSet(ref, { name: podSet(6), key: ['ipv6_addr'], comment: 'addresses of pods' }),
    addSet(ref, { name: BRIDGES, key: ['ifname'], comment: 'bridges with an ingress policy' }),
    addSet(ref, { name: SAME_BRIDGE, key: ['ifname', 'ifname'] }),
    addSet(ref, { name: ISOLATED, key: ['ifname', 'ifname'] }),
  ]
}
