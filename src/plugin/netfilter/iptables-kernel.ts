// Finds and removes iptables' chains by netlink: a process is started only where that is not possible.
// The tables that iptables-nft makes are nf_tables like any other, `ip nat` and `ip6 nat`; x_tables lists its own by name.

import { isSysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { commitPlan } from '../../kernel/nftables/batch.ts'
import { deleteChain, findChains } from '../../kernel/nftables/chain.ts'
import type { TableRef } from '../../kernel/nftables/request.ts'
import { deleteRule, flushChain, listRules, targetChain } from '../../kernel/nftables/rule.ts'
import type { Tables } from './iptables-command.ts'

/** The table as nf_tables knows it. */
export function kernelTable({ version, table }: Pick<Tables, 'version' | 'table'>): TableRef {
  return { family: version === 4 ? 'ip' : 'ip6', table }
}

/** Removes chains of iptables-nft and the jumps to them, which are in `parent`; those that are not there are fine. */
export function removeChainsOverNetlink(socket: NetlinkSocket, ref: TableRef, parent: string, names: readonly string[]): void {
  commitPlan(socket, () => {
    const chains = findChains(socket, ref, names).map(({ name }) => name)
    if (chains.length === 0) return []
    const jumps = listRules(socket, ref, { chain: parent, containing: chains }).filter((rule) => chains.includes(targetChain(rule)))
    return [
      ...jumps.map(({ handle }) => deleteRule(ref, parent, handle)),
      ...chains.flatMap((chain) => [flushChain(ref, chain), deleteChain(ref, chain)]),
    ]
  })
}

/** True where x_tables has the table in this namespace. */
export function hasLegacyTable({ version, table }: Pick<Tables, 'version' | 'table'>): boolean {
  return readNames(version === 4 ? '/proc/net/ip_tables_names' : '/proc/net/ip6_tables_names')
    .split('\n')
    .includes(table)
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
