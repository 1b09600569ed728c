// The iptables backend: chain, rules and comments as the Go plugins make them, one iptables-restore per family.

import { CniError, ErrInternal, gatherErrors } from '../../cni/error.ts'
import type { Attachment, IpConfig, ValidAttachment } from '../../cni/types.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import type { IpVersion } from '../../kernel/nftables/field.ts'
import type { TableRef } from '../../kernel/nftables/request.ts'
import { listRules, targetChain } from '../../kernel/nftables/rule.ts'
import { xtablesComment } from '../../kernel/nftables/xtables-match.ts'
import { formatAddress } from '../../net/address.ts'
import { type Cidr, formatCidr, hostCidr, networkOf } from '../../net/cidr.ts'
import { chainName, iptablesComment, iptablesCommentPrefix, isChainName } from '../netfilter/identity.ts'
import { type Purpose, quoteWord, restore, save, type Tables } from '../netfilter/iptables-command.ts'
import { kernelTable, removeChainsOverNetlink } from '../netfilter/iptables-kernel.ts'
import { removeLegacyChains } from '../netfilter/iptables-legacy.ts'
import { matchesCidr, option, type SavedRule, type SavedTable } from '../netfilter/iptables-saved.ts'
import { tryRestore } from '../netfilter/iptables-transaction.ts'
import { hostNftables, whereNftables } from '../netfilter/socket.ts'

const versions: readonly IpVersion[] = [4, 6]
const multicast = { 4: '224.0.0.0/4', 6: 'ff00::/8' } as const

const purpose: Purpose = { name: 'masquerade', option: 'ipMasqBackend', remedy: 'choose "nftables"' }
const natOf = (version: IpVersion): Tables => ({ version, table: 'nat', purpose })

/** One rule that ADD makes and CHECK expects. */
interface WantedRule {
  readonly chain: string
  readonly matches: readonly string[]
  readonly target: string
  readonly exists: (rule: SavedRule) => boolean
}

/** The chain with its rules and the jumps to it; rules that exist stay and are not doubled. */
export function addToIptables(attachment: Attachment, ips: readonly IpConfig[]): void {
  for (const version of versions) {
    const cidrs = ips.map(({ address }) => address).filter(({ address }) => address.family === version)
    if (cidrs.length > 0) addFamily(attachment, version, cidrs)
  }
}

/** Removes the container's chain and the jumps to it: of iptables-nft and of iptables-legacy, for any address. */
export function removeFromIptables(attachment: Attachment): void {
  const chain = chainName(attachment)
  gatherErrors('remove iptables masquerade', [
    ...versions.map((version) => () => whereNftables(() => removeChains(version, [chain]))),
    ...versions.map((version) => () => removeLegacyChains(natOf(version), () => [chain])),
  ])
}

/** Removes the chains of `network` whose container is in none of `valid`. */
export function gcIptables(network: string, valid: readonly ValidAttachment[]): void {
  const live = new Set(valid.map(({ containerId }) => chainName({ network, containerId })))
  const prefix = iptablesCommentPrefix(network)
  const stale = (found: ReadonlyMap<string, string>) =>
    [...found].filter(([chain, comment]) => comment.startsWith(prefix) && !live.has(chain)).map(([chain]) => chain)
  gatherErrors('remove stale iptables masquerade', [
    ...versions.map((version) => () => whereNftables(() => removeChains(version, stale(listChains(hostNftables(), version))))),
    ...versions.map((version) => () => removeLegacyChains(natOf(version), (table) => stale(savedComments(table)))),
  ])
}

/** Throws where one of the rules is missing. */
export function checkIptables(attachment: Attachment, ips: readonly IpConfig[]): void {
  for (const version of versions) {
    const cidrs = ips.map(({ address }) => address).filter(({ address }) => address.family === version)
    if (cidrs.length === 0) continue
    const { rules } = save(natOf(version))
    const missing = wantedRules(attachment, cidrs).find((rule) => !rules.some(rule.exists))
    if (missing) throw new CniError(ErrInternal, `masquerade: iptables rule is missing: ${line('-A', attachment, missing)}`)
  }
}

function addFamily(attachment: Attachment, version: IpVersion, cidrs: readonly Cidr[]): void {
  const chain = chainName(attachment)
  const wanted = wantedRules(attachment, cidrs)
  // -N fails where the chain exists, and with it the transaction: a repeated ADD must not double the jump.
  const failure = tryRestore(natOf(version), [`-N ${chain}`, ...wanted.map((rule) => line('-A', attachment, rule))])
  if (!failure) return
  const present = save(natOf(version))
  if (!present.chains.includes(chain)) throw failure
  const missing = wanted.filter((rule) => !present.rules.some(rule.exists))
  // Before the rest of the chain: an ACCEPT behind its MASQUERADE would never be reached.
  const repair = missing.map((rule) => line(rule.target === 'ACCEPT' ? '-I' : '-A', attachment, rule))
  if (repair.length > 0) restore(natOf(version), repair)
}

/** The chain accepts what stays in a pod's subnet, then masquerades all but multicast, once for all addresses. */
function wantedRules(attachment: Attachment, cidrs: readonly Cidr[]): WantedRule[] {
  const chain = chainName(attachment)
  const wide = multicast[cidrs[0]?.address.family ?? 4]
  const inChain = (rule: SavedRule, target: string) => rule.chain === chain && option(rule, '-j') === target
  const accepts = cidrs.map((cidr): WantedRule => {
    const exists = (rule: SavedRule) => inChain(rule, 'ACCEPT') && matchesCidr(option(rule, '-d'), networkOf(cidr))
    return { chain, matches: ['-d', formatCidr(cidr)], target: 'ACCEPT', exists }
  })
  const masquerade: WantedRule = {
    chain,
    matches: ['!', '-d', wide],
    target: 'MASQUERADE',
    exists: (rule) => inChain(rule, 'MASQUERADE') && rule.words.includes('!'),
  }
  const jumps = cidrs.map(({ address }): WantedRule => {
    const exists = (rule: SavedRule) => option(rule, '-j') === chain && matchesCidr(option(rule, '-s'), hostCidr(address))
    return { chain: 'POSTROUTING', matches: ['-s', formatAddress(address)], target: chain, exists }
  })
  return [...accepts, masquerade, ...jumps]
}

/** The comment holds no control character: identity.ts has escaped them. */
function line(verb: '-A' | '-I', attachment: Attachment, { chain, matches, target }: WantedRule): string {
  return [verb, chain, ...matches, '-m comment --comment', quoteWord(iptablesComment(attachment)), '-j', target].join(' ')
}

function removeChains(version: IpVersion, names: readonly string[]): void {
  if (names.length > 0) removeChainsOverNetlink(hostNftables(), kernelTable(natOf(version)), 'POSTROUTING', names)
}

/** The masquerade chains of iptables-nft, each with the comment of one of its rules. */
function listChains(socket: NetlinkSocket, version: IpVersion): Map<string, string> {
  const found = new Map<string, string>()
  const ref: TableRef = kernelTable(natOf(version))
  for (const rule of listRules(socket, ref, { containing: ['CNI-'] })) {
    const name = isChainName(rule.chain) ? rule.chain : targetChain(rule)
    if (isChainName(name) && !found.get(name)) found.set(name, xtablesComment(rule))
  }
  return found
}

/** The masquerade chains of the table, each with the comment of one of its rules. */
function savedComments({ rules }: SavedTable): Map<string, string> {
  const found = new Map<string, string>()
  for (const rule of rules) {
    const name = isChainName(rule.chain) ? rule.chain : option(rule, '-j')
    if (isChainName(name) && !found.get(name)) found.set(name, option(rule, '--comment'))
  }
  return found
}
