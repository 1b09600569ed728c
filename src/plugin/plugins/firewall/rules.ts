// The rules of the iptables backend in table filter: chains, texts and comments of the reference plugin, each line as iptables-save prints it.

import type { IpVersion } from '../../../kernel/nftables/field.ts'
import { type Address, formatAddress } from '../../../net/address.ts'
import { addressBits } from '../../../net/cidr.ts'
import { quoteWord } from '../../netfilter/iptables-command.ts'
import type { SavedTable } from '../../netfilter/iptables-saved.ts'
import type { FirewallConfig, IngressPolicy } from './config.ts'

export const FORWARD = 'FORWARD'
export const PRIVATE_CHAIN = 'CNI-FORWARD'
const STAGE_1 = 'CNI-ISOLATION-STAGE-1'
const STAGE_2 = 'CNI-ISOLATION-STAGE-2'

/** One rule, first in its chain or else last. */
export interface WantedRule {
  readonly chain: string
  /** Without the chain. */
  readonly text: string
  readonly first: boolean
}

/** What a family of the pod needs, in the order in which the reference plugin makes it. */
export interface WantedRules {
  readonly chains: readonly string[]
  readonly rules: readonly WantedRule[]
}

/** The chains, the jumps into them, and the rules that accept the addresses. */
export function acceptRules({ adminChain }: Pick<FirewallConfig, 'adminChain'>, addresses: readonly Address[]): WantedRules {
  return {
    chains: [PRIVATE_CHAIN, adminChain],
    rules: [
      { chain: FORWARD, text: `${comment('CNI firewall plugin rules')} -j ${PRIVATE_CHAIN}`, first: true },
      { chain: PRIVATE_CHAIN, text: `${comment('CNI firewall plugin admin overrides')} -j ${adminChain}`, first: true },
      ...addresses.flatMap(addressRules).map((text) => ({ chain: PRIVATE_CHAIN, text, first: false })),
    ],
  }
}

/** Answers to the pod, and all that it sends. */
export function addressRules(address: Address): string[] {
  const host = `${formatAddress(address)}/${addressBits(address)}`
  return [`-d ${host} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`, `-s ${host} -j ACCEPT`]
}

/** Bridges with a policy do not reach each other; with `isolated` not even their own pods. Goes before what accepts. */
export function isolationRules(policy: IngressPolicy, bridge: string): WantedRules {
  if (policy === 'open') return { chains: [], rules: [] }
  const shared = comment('CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)')
  const own = comment(`CNI firewall plugin rules (ingressPolicy: ${policy})`)
  const within = { chain: STAGE_1, text: `-i ${bridge} -o ${bridge} ${own} -j DROP`, first: true }
  return {
    chains: [STAGE_1, STAGE_2],
    rules: [
      { chain: FORWARD, text: `${shared} -j ${STAGE_1}`, first: true },
      { chain: STAGE_1, text: `-i ${bridge} ! -o ${bridge} ${own} -j ${STAGE_2}`, first: true },
      ...(policy === 'isolated' ? [within] : []),
      { chain: STAGE_1, text: `${shared} -j RETURN`, first: false },
      { chain: STAGE_2, text: `-o ${bridge} ${shared} -j DROP`, first: true },
      { chain: STAGE_2, text: `${shared} -j RETURN`, first: false },
    ],
  }
}

export function joinRules(...parts: readonly WantedRules[]): WantedRules {
  return { chains: parts.flatMap(({ chains }) => chains), rules: parts.flatMap(({ rules }) => rules) }
}

/** The commands that bring what is missing. */
export function commandsFor(wanted: WantedRules, present: SavedTable): string[] {
  const chains = wanted.chains.filter((chain) => !present.chains.includes(chain))
  return [...chains.map((chain) => `-N ${chain}`), ...missingRules(wanted, present).map(commandOf)]
}

export function missingRules({ rules }: WantedRules, present: SavedTable): WantedRule[] {
  const known = new Set(present.rules.map(({ text }) => text))
  return rules.filter(({ chain, text }) => !known.has(`${chain} ${text}`))
}

export function commandOf({ chain, text, first }: WantedRule): string {
  return first ? `-I ${chain} 1 ${text}` : `-A ${chain} ${text}`
}

export function ofFamily(addresses: readonly Address[], version: IpVersion): Address[] {
  return addresses.filter(({ family }) => family === version)
}

function comment(text: string): string {
  return `-m comment --comment ${quoteWord(text)}`
}
