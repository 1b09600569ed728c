// Where iptables' own chains can be, asked of the kernel: a process is started only for what no message can find or remove.
// The tables that iptables-nft makes are nf_tables like any other, `ip nat` and `ip6 nat`; x_tables lists its own by name.

import { ENOENT } from '../../host/errno.ts'
import { isSysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import type { Attributes, View } from '../../kernel/netlink/decode.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { tryCommit } from '../../kernel/nftables/batch.ts'
import { deleteChain, findChains } from '../../kernel/nftables/chain.ts'
import type { TableRef } from '../../kernel/nftables/request.ts'
import { deleteRule, expressionsOf, flushChain, type KernelRule, listRules, targetChain } from '../../kernel/nftables/rule.ts'
import type { Tables } from './iptables-command.ts'

// linux/netfilter/nf_tables_compat.h
const NFTA_MATCH_NAME = 1
const NFTA_MATCH_INFO = 3

/** How often a chain that changed under our hands is looked at again. */
const TRIES = 5

/** The table as nf_tables knows it. */
export function kernelTable({ version, table }: Pick<Tables, 'version' | 'table'>): TableRef {
  return { family: version === 4 ? 'ip' : 'ip6', table }
}

/** Removes chains of iptables-nft and the jumps to them, which are in `parent`; those that are not there are fine. */
export function removeChainsOverNetlink(socket: NetlinkSocket, ref: TableRef, parent: string, names: readonly string[]): void {
  for (let attempt = 1; ; attempt++) {
    const chains = findChains(socket, ref, names).map(({ name }) => name)
    if (chains.length === 0) return
    const jumps = listRules(socket, ref, { chain: parent, containing: chains }).filter((rule) => chains.includes(targetChain(rule)))
    const failure = tryCommit(socket, [
      ...jumps.map(({ handle }) => deleteRule(ref, parent, handle)),
      ...chains.flatMap((chain) => [flushChain(ref, chain), deleteChain(ref, chain)]),
    ])
    if (!failure) return
    if (failure.errno !== ENOENT || attempt === TRIES) throw failure
  }
}

/** True where x_tables has the table in this namespace. */
export function hasLegacyTable({ version, table }: Pick<Tables, 'version' | 'table'>): boolean {
  return readNames(version === 4 ? '/proc/net/ip_tables_names' : '/proc/net/ip6_tables_names')
    .split('\n')
    .includes(table)
}

/** `-m comment`: struct xt_comment_info {char comment[256];}. iptables 1.8.10 and later may use nftables' own comments. */
export function xtablesComment(rule: KernelRule): string {
  return xtablesMatch(rule, 'comment')?.text() ?? rule.comment
}

/** What x_tables' own structure of `-m NAME` holds; undefined where the rule does not have it. */
export function xtablesMatch(rule: KernelRule, match: string): View | undefined {
  for (const { name, data } of expressionsOf(rule)) {
    const attributes: Attributes | undefined = name === 'match' ? data?.attributes() : undefined
    if (attributes?.get(NFTA_MATCH_NAME)?.text() === match) return attributes.get(NFTA_MATCH_INFO)
  }
  return undefined
}

function readNames(path: string): string {
  try {
    const fd = sys.open(path, 0)
    try {
      const bytes = sys.read(fd, 4096)
      return sys.decodeUtf8(bytes, 0, bytes.byteLength)
    } finally {
      sys.close(fd)
    }
  } catch (error) {
    // No x_tables in this kernel, or no IPv6.
    if (isSysError(error)) return ''
    throw error
  }
}
