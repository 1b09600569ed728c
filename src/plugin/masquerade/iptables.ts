// The iptables backend: chain, rules and comments as the Go plugins make them, one iptables-restore per family.

import { CniError, ErrInternal, ErrIOFailure, gatherErrors } from '../../cni/error.ts'
import type { Attachment, IpConfig, ValidAttachment } from '../../cni/types.ts'
import { log } from '../../host/log.ts'
import type { IpVersion } from '../../kernel/nftables/field.ts'
import { formatAddress, parseAddress } from '../../net/address.ts'
import { type Cidr, formatCidr, hostCidr, networkOf, parseCidr, sameCidr } from '../../net/cidr.ts'
import { hostNftables, whereNftables } from '../host-nftables.ts'
import { chainName, iptablesComment, iptablesCommentPrefix, isChainName } from './identity.ts'
import { legacyVariant, restore, save, type Variant } from './iptables-command.ts'
import { hasLegacyNat, listChainsOverNetlink, removeChainOverNetlink } from './iptables-kernel.ts'
import { option, type SavedRule, type SavedTable } from './iptables-save.ts'

const versions: readonly IpVersion[] = [4, 6]
const multicast = { 4: '224.0.0.0/4', 6: 'ff00::/8' } as const

/** How often a table that other processes change is looked at again. */
const TRIES = 5

/** One rule that has to be there. */
interface WantedRule {
  readonly chain: string
  readonly matches: readonly string[]
  readonly target: string
  readonly isThere: (rule: SavedRule) => boolean
}

/** The chain with its rules and the jumps to it; what is there already stays and is not doubled. */
export function addToIptables(attachment: Attachment, ips: readonly IpConfig[]): void {
  for (const version of versions) {
    const cidrs = ips.map(({ address }) => address).filter(({ address }) => address.family === version)
    if (cidrs.length > 0) addFamily(attachment, version, cidrs)
  }
}

/** Removes the container's chain and the jumps to it, whichever iptables made them, whatever addresses they name. */
export function removeFromIptables(attachment: Attachment): void {
  const chain = chainName(attachment)
  gatherErrors('remove iptables masquerade', [
    ...versions.map((version) => () => whereNftables(() => removeChainOverNetlink(hostNftables(), version, chain))),
    ...versions.map((version) => () => withLegacy(version, (variant) => removeLegacy(version, variant, () => [chain]))),
  ])
}

/** Removes the chains of `network` whose container is in none of `valid`. */
export function gcIptables(network: string, valid: readonly ValidAttachment[]): void {
  const live = new Set(valid.map(({ containerId }) => chainName({ network, containerId })))
  const prefix = iptablesCommentPrefix(network)
  const isStale = (chain: string, comment: string) => comment.startsWith(prefix) && !live.has(chain)
  gatherErrors('collect iptables masquerade', [
    ...versions.map(
      (version) => () =>
        whereNftables(() => {
          for (const [chain, comment] of listChainsOverNetlink(hostNftables(), version)) {
            if (isStale(chain, comment)) removeChainOverNetlink(hostNftables(), version, chain)
          }
        }),
    ),
    ...versions.map((version) => () => {
      const stale = (table: SavedTable) =>
        [...savedComments(table)].filter(([chain, comment]) => isStale(chain, comment)).map(([chain]) => chain)
      withLegacy(version, (variant) => removeLegacy(version, variant, stale))
    }),
  ])
}

/** Throws where one of the rules is missing. */
export function checkIptables(attachment: Attachment, ips: readonly IpConfig[]): void {
  for (const version of versions) {
    const cidrs = ips.map(({ address }) => address).filter(({ address }) => address.family === version)
    if (cidrs.length === 0) continue
    const { rules } = save(version)
    const missing = wantedRules(attachment, cidrs).find((rule) => !rules.some(rule.isThere))
    if (missing) throw new CniError(ErrInternal, `masquerade: iptables rule is missing: ${line('-A', attachment, missing)}`)
  }
}

function addFamily(attachment: Attachment, version: IpVersion, cidrs: readonly Cidr[]): void {
  const chain = chainName(attachment)
  const wanted = wantedRules(attachment, cidrs)
  try {
    // -N fails where the chain is there, and with it the whole: a repeated ADD must not double the jump.
    restore(version, [`-N ${chain}`, ...wanted.map((rule) => line('-A', attachment, rule))])
  } catch (error) {
    if (!(error instanceof CniError && error.code === ErrIOFailure)) throw error
    const present = save(version)
    if (!present.chains.includes(chain)) throw error
    const missing = wanted.filter((rule) => !present.rules.some(rule.isThere))
    // Before the rest of the chain: an ACCEPT behind its MASQUERADE would never be reached.
    const repair = missing.map((rule) => line(rule.target === 'ACCEPT' ? '-I' : '-A', attachment, rule))
    if (repair.length > 0) restore(version, repair)
  }
}

/** The chain lets through what stays in a pod's subnet before it masquerades the rest but multicast, once for all addresses. */
function wantedRules(attachment: Attachment, cidrs: readonly Cidr[]): WantedRule[] {
  const chain = chainName(attachment)
  const wide = multicast[cidrs[0]?.address.family ?? 4]
  const inChain = (rule: SavedRule, target: string) => rule.chain === chain && option(rule, '-j') === target
  const accepts = cidrs.map((cidr): WantedRule => {
    const isThere = (rule: SavedRule) => inChain(rule, 'ACCEPT') && names(option(rule, '-d'), networkOf(cidr))
    return { chain, matches: ['-d', formatCidr(cidr)], target: 'ACCEPT', isThere }
  })
  const masquerade: WantedRule = {
    chain,
    matches: ['!', '-d', wide],
    target: 'MASQUERADE',
    isThere: (rule) => inChain(rule, 'MASQUERADE') && rule.words.includes('!'),
  }
  const jumps = cidrs.map(({ address }): WantedRule => {
    const isThere = (rule: SavedRule) => option(rule, '-j') === chain && names(option(rule, '-s'), hostCidr(address))
    return { chain: 'POSTROUTING', matches: ['-s', formatAddress(address)], target: chain, isThere }
  })
  return [...accepts, masquerade, ...jumps]
}

function line(verb: '-A' | '-I', attachment: Attachment, { chain, matches, target }: WantedRule): string {
  return [verb, chain, ...matches, '-m comment --comment', quoteWord(iptablesComment(attachment)), '-j', target].join(' ')
}

/** As iptables-restore unquotes it. The text holds no control character: identity.ts has escaped them. */
function quoteWord(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** True where a saved `-s` or `-d` says `cidr`; some versions leave the length of a host prefix out. */
function names(saved: string, cidr: Cidr): boolean {
  try {
    return sameCidr(saved.includes('/') ? parseCidr(saved) : hostCidr(parseAddress(saved)), cidr)
  } catch {
    // None, or one with a mask instead of a length: not a rule of ours.
    return false
  }
}

/** Runs `body` with the legacy programs, where the kernel has a table for them and the host has them. */
function withLegacy(version: IpVersion, body: (variant: Variant) => void): void {
  if (!hasLegacyNat(version)) return
  const variant = legacyVariant(version)
  if (variant !== undefined) body(variant)
  else log.warn('cannot look for masquerade rules: the kernel has a legacy nat table, the host has no iptables', { version })
}

/** Removes the chains that `choose` names and the jumps to them. */
function removeLegacy(version: IpVersion, variant: Variant, choose: (table: SavedTable) => readonly string[]): void {
  for (let attempt = 1; ; attempt++) {
    const table = save(version, variant)
    const chains = choose(table).filter((chain) => table.chains.includes(chain))
    if (chains.length === 0) return
    const jumps = table.rules.filter((rule) => chains.includes(option(rule, '-j')))
    try {
      restore(
        version,
        [...jumps.map(({ text }) => `-D ${text}`), ...chains.map((chain) => `-F ${chain}`), ...chains.map((chain) => `-X ${chain}`)],
        variant,
      )
      return
    } catch (error) {
      // Another DEL may have been faster.
      if (attempt === TRIES) throw error
    }
  }
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
