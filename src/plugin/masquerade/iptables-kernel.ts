// Where iptables' own chains can be, asked of the kernel: a process is started only for what no message can find or remove.
// The tables that iptables-nft makes are nf_tables like any other, `ip nat` and `ip6 nat`; x_tables lists its own by name.

import { ENOENT } from '../../host/errno.ts'
import { isSysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import type { Attributes } from '../../kernel/netlink/decode.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { tryCommit } from '../../kernel/nftables/batch.ts'
import { deleteChain, hasChain } from '../../kernel/nftables/chain.ts'
import type { IpVersion } from '../../kernel/nftables/field.ts'
import type { TableRef } from '../../kernel/nftables/request.ts'
import { deleteRule, expressionsOf, flushChain, type KernelRule, listRules, targetChain } from '../../kernel/nftables/rule.ts'
import { isChainName } from './identity.ts'

// linux/netfilter/nf_tables_compat.h
const NFTA_MATCH_NAME = 1
const NFTA_MATCH_INFO = 3

/** How often a chain that changed under our hands is looked at again. */
const TRIES = 5

/** Removes a chain of iptables-nft and the jumps to it. */
export function removeChainOverNetlink(socket: NetlinkSocket, version: IpVersion, chain: string): void {
  const table = natTable(version)
  for (let attempt = 1; hasChain(socket, table, chain); attempt++) {
    const jumps = listRules(socket, table, { chain: 'POSTROUTING', containing: [chain] }).filter((rule) => targetChain(rule) === chain)
    const failure = tryCommit(socket, [
      ...jumps.map(({ handle }) => deleteRule(table, 'POSTROUTING', handle)),
      flushChain(table, chain),
      deleteChain(table, chain),
    ])
    if (!failure) return
    if (failure.errno !== ENOENT || attempt === TRIES) throw failure
  }
}

/** The masquerade chains of iptables-nft, each with the comment of one of its rules. */
export function listChainsOverNetlink(socket: NetlinkSocket, version: IpVersion): Map<string, string> {
  const found = new Map<string, string>()
  for (const rule of listRules(socket, natTable(version), { containing: ['CNI-'] })) {
    const name = isChainName(rule.chain) ? rule.chain : targetChain(rule)
    if (isChainName(name) && !found.get(name)) found.set(name, xtablesComment(rule))
  }
  return found
}

/** True where x_tables has a nat table in this namespace. */
export function hasLegacyNat(version: IpVersion): boolean {
  return readNames(version === 4 ? '/proc/net/ip_tables_names' : '/proc/net/ip6_tables_names')
    .split('\n')
    .includes('nat')
}

function natTable(version: IpVersion): TableRef {
  return { family: version === 4 ? 'ip' : 'ip6', table: 'nat' }
}

/** `-m comment`: struct xt_comment_info {char comment[256];}. iptables 1.8.10 and later may use nftables' own comments. */
function xtablesComment(rule: KernelRule): string {
  for (const { name, data } of expressionsOf(rule)) {
    const attributes: Attributes | undefined = name === 'match' ? data?.attributes() : undefined
    if (attributes?.get(NFTA_MATCH_NAME)?.text() === 'comment') return attributes.get(NFTA_MATCH_INFO)?.text() ?? ''
  }
  return rule.comment
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
