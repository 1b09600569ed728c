// Whether ADD can skip iptables-save: read from the kernel where the host's iptables is the nf_tables one. Where that is not certain the answer is
// false, and iptables-save is read.

import { u16 } from '../../../kernel/netlink/encode.ts'
import type { NetlinkSocket } from '../../../kernel/netlink/socket.ts'
import { findChains } from '../../../kernel/nftables/chain.ts'
import type { IpVersion } from '../../../kernel/nftables/field.ts'
import { hexDigits } from '../../../kernel/nftables/read-rule.ts'
import type { TableRef } from '../../../kernel/nftables/request.ts'
import { type KernelRule, listRules, targetChain } from '../../../kernel/nftables/rule.ts'
import { xtablesMatch } from '../../../kernel/nftables/xtables-match.ts'
import type { PortmapRequest } from './backend.ts'
import type { PortmapConfig } from './config.ts'
import { chainName, DNAT_CHAIN, MASQ_CHAIN, SETMARK_CHAIN } from './iptables-rules.ts'

/** Packet marks from here on could be confused with other numbers in a rule. */
const DOUBTFUL_MARK = 1 << 24

/** True where the shared chains are as they should be, the pod has no chain yet, and none of its ports is taken. */
export function isReady(socket: NetlinkSocket, ref: TableRef, request: PortmapRequest): boolean {
  const own = chainName('DN', request.attachment)
  if (findChains(socket, ref, [own]).length > 0) return false
  const jumps = (chain: string, target: string) =>
    listRules(socket, ref, { chain, containing: [target] }).some((rule) => targetChain(rule) === target)
  if (!jumps('PREROUTING', DNAT_CHAIN) || !jumps('OUTPUT', DNAT_CHAIN)) return false
  const { snat, setMarkChain } = request.config
  if (snat && !setMarkChain && !(hasMarkRules(socket, ref, request.config) && jumps('POSTROUTING', MASQ_CHAIN))) return false
  return !mayShareAPort(socket, ref, request)
}

/** True where a rule in front of the attachment's own has one of its ports, for any protocol and address. */
export function mayShareAPort(socket: NetlinkSocket, ref: TableRef, { attachment, config }: PortmapRequest): boolean {
  const version: IpVersion = ref.family === 'ip' ? 4 : 6
  if (config.conditions[version].length > 0) return false
  const own = chainName('DN', attachment)
  const wanted = new Set(config.mappings.map(({ hostPort }) => hostPort))
  // Only rules that contain the number: to decode all of them would be most of ADD on a full node.
  const hex = [...wanted].map((port) => hexDigits(u16(port)))
  for (const rule of listRules(socket, ref, { chain: DNAT_CHAIN, containing: { hex } })) {
    if (targetChain(rule) === own) return false
    const ports = portsOf(rule)
    if (!ports || ports.some((port) => wanted.has(port))) return true
  }
  return false
}

function hasMarkRules(socket: NetlinkSocket, ref: TableRef, { mark }: PortmapConfig): boolean {
  if (mark >= DOUBTFUL_MARK) return false
  return [SETMARK_CHAIN, MASQ_CHAIN].every((chain) => listRules(socket, ref, { chain }).some((rule) => holds(rule, mark)))
}

/** Whether native or of x_tables, an expression with the mark has it in the machine's byte order, on a multiple of four bytes. */
function holds({ list }: KernelRule, number: number): boolean {
  for (let at = 0; list && at + 4 <= list.length; at += 4) if (list.u32(at) === number) return true
  return false
}

/** linux/netfilter/xt_multiport.h: xt_multiport_v1 {__u8 flags, count; __u16 ports[15]; …}; undefined where the rule names its ports otherwise. */
function portsOf(rule: KernelRule): number[] | undefined {
  const info = xtablesMatch(rule, 'multiport')
  return info && Array.from({ length: Math.min(info.u8(1), 15) }, (_, i) => info.u16(2 + 2 * i))
}
