// The iptables backend. ADD: one look at the table and one iptables-restore a family; where nf_tables holds the table the kernel is read directly,
// and DEL needs no process.

import { CniError, ErrInternal, ErrIOFailure, gatherErrors } from '../../../cni/error.ts'
import { ENOENT } from '../../../host/errno.ts'
import { log } from '../../../host/log.ts'
import { sys } from '../../../host/sys.ts'
import type { View } from '../../../kernel/netlink/decode.ts'
import { tryCommit } from '../../../kernel/nftables/batch.ts'
import {
  NF_ACCEPT,
  NFTA_CMP_DATA,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_IMMEDIATE_DATA,
  NFTA_PAYLOAD_OFFSET,
  NFTA_VERDICT_CODE,
} from '../../../kernel/nftables/constants.ts'
import type { IpVersion } from '../../../kernel/nftables/field.ts'
import { deleteRule, expressionsOf, type KernelRule, listRules, targetChain } from '../../../kernel/nftables/rule.ts'
import type { Address } from '../../../net/address.ts'
import { chosenVariant, legacyVariant, type Purpose, restore, save, type Tables } from '../../netfilter/iptables-command.ts'
import { hasLegacyTable, kernelTable } from '../../netfilter/iptables-kernel.ts'
import { withLock } from '../../netfilter/iptables-lock.ts'
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

/** How often a table that other processes change is looked at again. */
const TRIES = 5

const tablesOf = (version: IpVersion): Tables => ({ version, table: 'filter', purpose })

/** What accepts the addresses, and the policy of the bridge; the one or the other alone where the backend is another. What is there stays. */
export function addToIptables(config: FirewallConfig, addresses: readonly Address[], bridge: string, accept: boolean): void {
  for (const version of versions) {
    const own = ofFamily(addresses, version)
    if (own.length === 0) continue
    if (accept && config.policy === 'open' && addBesideOthers(config, version, own)) continue
    withLock(() => addMissing(tablesOf(version), wantedRules(config, own, bridge, accept)))
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

/** Removes what accepts the addresses, whichever iptables holds it. The chains stay: others have their rules there. */
export function removeFromIptables(addresses: readonly Address[]): void {
  gatherErrors(
    'remove iptables rules',
    versions.flatMap((version) => {
      const own = ofFamily(addresses, version)
      if (own.length === 0) return []
      return [() => whereNftables(() => removeOverNetlink(version, own)), () => removeLegacy(version, own)]
    }),
  )
}

function wantedRules(config: FirewallConfig, addresses: readonly Address[], bridge: string, accept: boolean): WantedRules {
  const isolation = isolationRules(config.policy, bridge)
  return accept ? joinRules(acceptRules(config, addresses), isolation) : isolation
}

/**
 * The rules of the addresses without a look through iptables-save, where the kernel says that the chains lead to each other and no rule has one of the
 * addresses. False where it does not, or where iptables sees it otherwise.
 */
function addBesideOthers(config: FirewallConfig, version: IpVersion, addresses: readonly Address[]): boolean {
  if (chosenVariant(version) !== '-nft') return false
  const { rules } = acceptRules(config, addresses)
  const ref = kernelTable({ version, table: 'filter' })
  const present = listRules(hostNftables(), ref, { chain: PRIVATE_CHAIN })
  const isLed = listRules(hostNftables(), ref, { chain: FORWARD, containing: [PRIVATE_CHAIN] }).some(leadsTo(PRIVATE_CHAIN))
  const [first] = present
  if (!isLed || !first || !leadsTo(config.adminChain)(first)) return false
  if (present.some((rule) => addresses.some((address) => mentions(rule, address)))) return false
  try {
    restore(tablesOf(version), rules.filter((rule) => !rule.first).map(commandOf))
    return true
  } catch (error) {
    if (!(error instanceof CniError && error.code === ErrIOFailure)) throw error
    return false
  }
}

function addMissing(tables: Tables, wanted: WantedRules): void {
  for (let attempt = 1; ; attempt++) {
    const commands = commandsFor(wanted, save(tables))
    if (commands.length === 0) return
    try {
      restore(tables, commands)
      return
    } catch (error) {
      // Another plugin has made the chains in between.
      if (!(error instanceof CniError && error.code === ErrIOFailure) || attempt === TRIES) throw error
    }
  }
}

function removeOverNetlink(version: IpVersion, addresses: readonly Address[]): void {
  const ref = kernelTable({ version, table: 'filter' })
  const socket = hostNftables()
  for (let attempt = 1; ; attempt++) {
    const own = listRules(socket, ref, { chain: PRIVATE_CHAIN }).filter((rule) => addresses.some((address) => accepts(rule, address)))
    if (own.length === 0) return
    const failure = tryCommit(
      socket,
      own.map(({ handle }) => deleteRule(ref, PRIVATE_CHAIN, handle)),
    )
    if (!failure) return
    // Another DEL may have been faster.
    if (failure.errno !== ENOENT || attempt === TRIES) throw failure
  }
}

function removeLegacy(version: IpVersion, addresses: readonly Address[]): void {
  const tables = tablesOf(version)
  if (!hasLegacyTable(tables)) return
  const variant = legacyVariant(version)
  if (variant === undefined) {
    log.warn('cannot look for rules of firewall: the kernel has a legacy filter table, the host has no iptables', { version })
    return
  }
  const texts = new Set(addresses.flatMap(addressRules).map((text) => `${PRIVATE_CHAIN} ${text}`))
  for (let attempt = 1; ; attempt++) {
    const own = save({ ...tables, variant }).rules.filter(({ text }) => texts.has(text))
    if (own.length === 0) return
    try {
      restore(
        { ...tables, variant },
        own.map(({ text }) => `-D ${text}`),
      )
      return
    } catch (error) {
      if (attempt === TRIES) throw error
    }
  }
}

const leadsTo = (chain: string) => (rule: KernelRule) => targetChain(rule) === chain

/** True where the address's bytes stand anywhere in the rule: a test that is wrong only in taking too many. */
function mentions({ list }: KernelRule, { bytes }: Address): boolean {
  return list !== undefined && hex(list.bytes()).includes(hex(bytes))
}

/** Of struct iphdr and ipv6hdr: source and destination. */
const offsets = { 4: [12, 16], 6: [8, 24] } as const

/** A rule of this plugin for the address: what it compares is source or destination, whole, and it looks at the connection's state or nothing else. */
function accepts(rule: KernelRule, address: Address): boolean {
  if (!mentions(rule, address)) return false
  const expressions = expressionsOf(rule)
  const [payload, cmp, ...rest] = expressions
  const end = expressions.at(-1)
  if (payload?.name !== 'payload' || cmp?.name !== 'cmp' || end?.name !== 'immediate') return false
  const offset = nested(payload.data, NFTA_PAYLOAD_OFFSET)?.be32()
  const value = nested(cmp.data, NFTA_CMP_DATA, NFTA_DATA_VALUE)?.bytes()
  const verdict = nested(end.data, NFTA_IMMEDIATE_DATA, NFTA_DATA_VERDICT, NFTA_VERDICT_CODE)?.be32()
  const known = ['match', 'ct', 'bitwise', 'cmp', 'counter', 'immediate']
  return (
    verdict === NF_ACCEPT &&
    offsets[address.family].some((one) => one === offset) &&
    value !== undefined &&
    hex(value) === hex(address.bytes) &&
    rest.every(({ name }) => known.includes(name))
  )
}

function nested(view: View | undefined, ...types: number[]): View | undefined {
  return types.reduce((inner, type) => inner?.attributes().get(type), view)
}

function hex(bytes: Uint8Array): string {
  // A copy has a buffer of its own, which begins where it does.
  const copy = Uint8Array.from(bytes)
  return sys.hex(copy.buffer, 0, copy.length)
}
