// The iptables backend: one iptables-restore a family for ADD where the kernel reports what exists, and none for DEL.

import { CniError, ErrInternal, ErrPluginNotAvailable, gatherErrors } from '../../../cni/error.ts'
import type { ValidAttachment } from '../../../cni/types.ts'
import type { IpVersion } from '../../../kernel/nftables/field.ts'
import { listRules, targetChain } from '../../../kernel/nftables/rule.ts'
import { xtablesComment } from '../../../kernel/nftables/xtables-match.ts'
import type { Cidr } from '../../../net/cidr.ts'
import { chosenVariant, hasIptables, type Purpose, save, searchPath, type Tables } from '../../netfilter/iptables-command.ts'
import { kernelTable, removeChainsOverNetlink } from '../../netfilter/iptables-kernel.ts'
import { chainRemoval, removeLegacyChains } from '../../netfilter/iptables-legacy.ts'
import { withLock } from '../../netfilter/iptables-lock.ts'
import { option, type SavedTable } from '../../netfilter/iptables-saved.ts'
import { restorePlan, tryRestore } from '../../netfilter/iptables-transaction.ts'
import { hostNftables, whereNftables } from '../../netfilter/socket.ts'
import type { Backend, PortmapRequest } from './backend.ts'
import { isReady, mayShareAPort } from './iptables-ready.ts'
import {
  chainName,
  commentPrefix,
  DNAT_CHAIN,
  entryRules,
  OLD_SNAT_CHAIN,
  ownRules,
  sharedChains,
  sharedRules,
  type Wanted,
} from './iptables-rules.ts'
import { requireFree } from './iptables-taken.ts'

const versions: readonly IpVersion[] = [4, 6]

const purpose: Purpose = { name: 'portmap', option: 'backend', remedy: 'choose "nftables"' }
const natOf = (version: IpVersion): Tables => ({ version, table: 'nat', purpose })

export const iptables: Backend = {
  add(request) {
    for (const pod of request.pods) addFamily(request, pod)
  },

  check(request) {
    for (const pod of request.pods) {
      const { rules } = save(natOf(pod.address.family))
      const missing = wantedRules(request, pod).find((wanted) => !rules.some(wanted.exists))
      if (missing) throw new CniError(ErrInternal, `portmap: iptables rule is missing: -A ${missing.chain} ${missing.words}`)
    }
  },

  remove(attachment) {
    const chains = [chainName('DN', attachment), chainName('SN', attachment)]
    removeChains(
      () => chains,
      () => chains,
    )
    return []
  },

  gc(network, valid) {
    removeChains(
      (version) => staleChains(listEntries(version), network, valid),
      (table) => staleChains(savedEntries(table), network, valid),
    )
    return []
  },

  status() {
    if (hasIptables(4)) return
    throw new CniError(ErrPluginNotAvailable, `backend: "iptables" needs iptables-restore in ${searchPath()}`)
  },
}

function addFamily(request: PortmapRequest, pod: Cidr): void {
  const tables = natOf(pod.address.family)
  const own = [...ownRules(request, pod), ...entryRules(request, pod.address.family)]
  const overNetlink = chosenVariant(tables.version) === '-nft'
  const chain = chainName('DN', request.attachment)
  const socket = () => hostNftables()
  if (!overNetlink || !isReady(socket(), kernelTable(tables), request) || tryRestore(tables, [`-N ${chain}`, ...own.map(append)])) {
    withLock(() => addByText(tables, request, pod, own))
  }
  // Another ADD may have been as fast, for the same port: the rule that stands first has it.
  if (overNetlink && mayShareAPort(socket(), kernelTable(tables), request)) requireFree(save(tables), request, pod)
}

/** Reads the whole table, and makes what it lacks. */
function addByText(tables: Tables, request: PortmapRequest, pod: Cidr, own: readonly Wanted[]): void {
  restorePlan(tables, (table) => {
    const chain = chainName('DN', request.attachment)
    const stale = chainRemoval(table, [chain, ...requireFree(table, request, pod)])
    const shared = sharedRules(request.config).filter(({ exists }) => !table.rules.some(exists))
    const missing = sharedChains(request.config).filter((name) => !table.chains.includes(name))
    return [...stale, ...[...missing, chain].map((name) => `-N ${name}`), ...[...shared, ...own].map(append)]
  })
}

function append({ chain, words, first }: Wanted): string {
  return `${first ? '-I' : '-A'} ${chain} ${words}`
}

function wantedRules(request: PortmapRequest, pod: Cidr): Wanted[] {
  return [...sharedRules(request.config), ...ownRules(request, pod), ...entryRules(request, pod.address.family)]
}

/** Of iptables-nft and of iptables-legacy. */
function removeChains(overNetlink: (version: IpVersion) => readonly string[], ofText: (table: SavedTable) => readonly string[]): void {
  gatherErrors('remove iptables port mappings', [
    ...versions.map((version) => () => whereNftables(() => removeFamily(version, overNetlink(version)))),
    ...versions.map((version) => () => removeLegacyChains(natOf(version), ofText)),
  ])
}

function removeFamily(version: IpVersion, chains: readonly string[]): void {
  const ofKind = (kind: string) => chains.filter((name) => name.startsWith(kind))
  for (const [parent, names] of [
    [DNAT_CHAIN, ofKind('CNI-DN-')],
    [OLD_SNAT_CHAIN, ofKind('CNI-SN-')],
  ] as const) {
    if (names.length > 0) removeChainsOverNetlink(hostNftables(), kernelTable(natOf(version)), parent, names)
  }
}

/** A chain that DNAT_CHAIN jumps to, and the comment of that rule. */
interface Entry {
  readonly chain: string
  readonly comment: string
}

function staleChains(entries: readonly Entry[], network: string, valid: readonly ValidAttachment[]): string[] {
  const live = new Set(valid.map(({ containerId }) => chainName('DN', { network, containerId })))
  const stale = entries.filter(({ chain, comment }) => comment.startsWith(commentPrefix(network)) && !live.has(chain))
  return [...new Set(stale.map(({ chain }) => chain))]
}

function listEntries(version: IpVersion): Entry[] {
  const rules = listRules(hostNftables(), kernelTable(natOf(version)), { chain: DNAT_CHAIN })
  return rules.map((rule) => ({ chain: targetChain(rule), comment: xtablesComment(rule) }))
}

function savedEntries({ rules }: SavedTable): Entry[] {
  const entries = rules.filter(({ chain }) => chain === DNAT_CHAIN)
  return entries.map((rule) => ({ chain: option(rule, '-j'), comment: option(rule, '--comment') }))
}
