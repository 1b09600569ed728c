// The iptables backend. ADD reads the table once and runs one iptables-restore a family; where nf_tables holds the table the kernel is read directly,
// and DEL needs no process.

import { CniError, ErrInternal, gatherErrors } from '../../../cni/error.ts'
import { sameBytes } from '../../../kernel/netlink/encode.ts'
import { commitPlan } from '../../../kernel/nftables/batch.ts'
import type { IpVersion } from '../../../kernel/nftables/field.ts'
import { mentions, readRule } from '../../../kernel/nftables/read-rule.ts'
import { deleteRule, type KernelRule, listRules, targetChain } from '../../../kernel/nftables/rule.ts'
import type { Address } from '../../../net/address.ts'
import { chosenVariant, type Purpose, save, type Tables } from '../../netfilter/iptables-command.ts'
import { kernelTable } from '../../netfilter/iptables-kernel.ts'
import { removeLegacy } from '../../netfilter/iptables-legacy.ts'
import { withLock } from '../../netfilter/iptables-lock.ts'
import { restorePlan, tryRestore } from '../../netfilter/iptables-transaction.ts'
import { hostNftables, whereNftables } from '../../netfilter/socket.ts'
import type { FirewallConfig } from './config.ts'
import {
  acceptRules,
  addressRules,
  commandOf,
  commandsFor,
  FORWARD,
  isolationRules,
  joinRules,
  missingRules,
  ofFamily,
  PRIVATE_CHAIN,
  type WantedRules,
} from './rules.ts'

const purpose: Purpose = { name: 'firewall', option: 'backend', remedy: 'choose "nftables"' }
const versions: readonly IpVersion[] = [4, 6]

const tablesOf = (version: IpVersion): Tables => ({ version, table: 'filter', purpose })

/** Adds the rules that accept the addresses (`accept`) and those of the bridge's policy. Rules that exist stay. */
export function addToIptables(config: FirewallConfig, addresses: readonly Address[], bridge: string, accept: boolean): void {
  for (const version of versions) {
    const own = ofFamily(addresses, version)
    if (own.length === 0) continue
    if (accept && config.policy === 'open' && addBesideOthers(config, version, own)) continue
    withLock(() => restorePlan(tablesOf(version), (saved) => commandsFor(wantedRules(config, own, bridge, accept), saved)))
  }
}

/** Throws where a rule is missing. Makes nothing. */
export function checkIptables(config: FirewallConfig, addresses: readonly Address[], bridge: string, accept: boolean): void {
  for (const version of versions) {
    const own = ofFamily(addresses, version)
    const wanted = wantedRules(config, own, bridge, accept)
    if (own.length === 0 || wanted.rules.length === 0) continue
    const [missing] = missingRules(wanted, save(tablesOf(version)))
    if (missing) throw new CniError(ErrInternal, `firewall: expected ${missing.chain} rule [${missing.text}] not found`)
  }
}

/** Removes what accepts the addresses, whichever iptables holds it. The chains stay: they have other pods' rules. */
export function removeFromIptables(addresses: readonly Address[]): void {
  gatherErrors(
    'remove iptables rules',
    versions.flatMap((version) => {
      const own = ofFamily(addresses, version)
      if (own.length === 0) return []
      return [() => whereNftables(() => removeOverNetlink(version, own)), () => removeLegacyRules(version, own)]
    }),
  )
}

function wantedRules(config: FirewallConfig, addresses: readonly Address[], bridge: string, accept: boolean): WantedRules {
  const isolation = isolationRules(config.policy, bridge)
  return accept ? joinRules(acceptRules(config, addresses), isolation) : isolation
}

/**
 * Adds the rules of the addresses without iptables-save, where the kernel has the jumps between the chains and no rule has one of the
 * addresses. False where it does not, or where iptables sees it otherwise.
 */
function addBesideOthers(config: FirewallConfig, version: IpVersion, addresses: readonly Address[]): boolean {
  if (chosenVariant(version) !== '-nft') return false
  const { rules } = acceptRules(config, addresses)
  const ref = kernelTable({ version, table: 'filter' })
  const present = listRules(hostNftables(), ref, { chain: PRIVATE_CHAIN })
  const hasJump = listRules(hostNftables(), ref, { chain: FORWARD, containing: [PRIVATE_CHAIN] }).some(jumpsTo(PRIVATE_CHAIN))
  const [first] = present
  if (!hasJump || !first || !jumpsTo(config.adminChain)(first)) return false
  if (present.some((rule) => addresses.some((address) => mentions(rule, address.bytes)))) return false
  return !tryRestore(tablesOf(version), rules.filter((rule) => !rule.first).map(commandOf))
}

function removeOverNetlink(version: IpVersion, addresses: readonly Address[]): void {
  const ref = kernelTable({ version, table: 'filter' })
  const socket = hostNftables()
  commitPlan(socket, () =>
    listRules(socket, ref, { chain: PRIVATE_CHAIN })
      .filter((rule) => addresses.some((address) => accepts(rule, address)))
      .map(({ handle }) => deleteRule(ref, PRIVATE_CHAIN, handle)),
  )
}

function removeLegacyRules(version: IpVersion, addresses: readonly Address[]): void {
  const texts = new Set(addresses.flatMap(addressRules).map((text) => `${PRIVATE_CHAIN} ${text}`))
  removeLegacy(tablesOf(version), ({ rules }) => rules.filter(({ text }) => texts.has(text)).map(({ text }) => `-D ${text}`))
}

const jumpsTo = (chain: string) => (rule: KernelRule) => targetChain(rule) === chain

/** A rule of this plugin for the address: what it compares is source or destination, whole, and it may match the connection's state. */
function accepts(rule: KernelRule, address: Address): boolean {
  if (!mentions(rule, address.bytes)) return false
  const { matches, accepts: isAccepted, others } = readRule(rule)
  const [first, ...rest] = matches
  return (
    isAccepted &&
    first?.exact === true &&
    (first.field === 'saddr' || first.field === 'daddr') &&
    sameBytes(first.value, address.bytes) &&
    rest.every(({ field }) => field === 'ct') &&
    others.every((name) => name === 'match' || name === 'counter')
  )
}
