// The rules that one attachment has in the nftables tables, and how such a rule is read back, ours or the reference plugin's.

import type { Attachment } from '../../../cni/types.ts'
import { sys } from '../../../host/sys.ts'
import type { View } from '../../../kernel/netlink/decode.ts'
import { be16 as be16Bytes, concat, u16 } from '../../../kernel/netlink/encode.ts'
import { fitComment } from '../../../kernel/nftables/comment.ts'
import {
  NFT_CMP_EQ,
  NFT_META_L4PROTO,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_PAYLOAD_TRANSPORT_HEADER,
  NFTA_CMP_DATA,
  NFTA_CMP_OP,
  NFTA_DATA_VALUE,
  NFTA_IMMEDIATE_DATA,
  NFTA_META_KEY,
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
} from '../../../kernel/nftables/constants.ts'
import type { Expression } from '../../../kernel/nftables/expression.ts'
import { ctStatus, dport, ipDaddr, ipSaddr, l4protoIs } from '../../../kernel/nftables/match.ts'
import type { Request } from '../../../kernel/nftables/request.ts'
import { addRule, expressionsOf, type KernelRule } from '../../../kernel/nftables/rule.ts'
import { counter, dnat, masquerade } from '../../../kernel/nftables/statement.ts'
import { type Address, formatAddress, parseAddress } from '../../../net/address.ts'
import { addressBits, type Cidr } from '../../../net/cidr.ts'
import { type HostPort, type Protocol, portsOf } from '../../host-ports/mapping.ts'
import { protocolNumbers, protocolOf } from '../../host-ports/protocol.ts'
import { attachmentHash } from '../../netfilter/identity.ts'
import { HOSTPORTS, MASQUERADING, tableOf } from './nftables-table.ts'
import { hexOf, type PortmapRequest } from './order.ts'

// linux/netlink.h
const NLA_F_NESTED = 0x8000

/** Header, offset and length of what a rule of ours compares: struct iphdr, struct ipv6hdr, and the ports of all three protocols. */
const places: Readonly<Record<string, string>> = {
  [`${NFT_PAYLOAD_NETWORK_HEADER} 16 4`]: 'hostIP',
  [`${NFT_PAYLOAD_NETWORK_HEADER} 24 16`]: 'hostIP',
  [`${NFT_PAYLOAD_TRANSPORT_HEADER} 2 2`]: 'port',
}

/** `16 hex digits-16 hex digits`, identity.ts. */
const HASH_LENGTH = 33

/** What a rule of `hostports` says. */
export interface HostPortRule {
  readonly protocol: Protocol
  readonly hostPort: number
  readonly hostIP: Address | undefined
  readonly to: { readonly address: Address; readonly port: number }
  /** There is more in it than that: it does not take all that comes for the port. */
  readonly conditional: boolean
}

/** The Go plugin's comment, the container's id and nothing else: by it either removes the other's rules. */
export function commentOf({ containerId }: Pick<Attachment, 'containerId'>): string {
  return fitComment(containerId)
}

/** What stands in every rule of the container, as `listRules` seeks it. */
export function idDigits(attachment: Pick<Attachment, 'containerId'>): string {
  return hexOf(new Uint8Array(sys.encodeUtf8(commentOf(attachment))))
}

/** What stands in every rule that compares a port with this one: NFTA_CMP_DATA, in it NFTA_DATA_VALUE with the port. Whether the kernel marks nests or not. */
export function portDigits(port: number): string[] {
  return [NFTA_CMP_DATA, NFTA_CMP_DATA | NLA_F_NESTED].map((type) =>
    hexOf(concat([u16(12), u16(type), u16(6), u16(NFTA_DATA_VALUE), be16Bytes(port)])),
  )
}

/** The note that goes with it: whose the rule is among the container's attachments, and the owner's name for people. */
export function noteOf({ attachment, owner }: PortmapRequest): string {
  return `${attachmentHash(attachment)} ${owner}`
}

/** The note's hash, '' for a rule that is not of this program. */
export function hashIn({ note }: KernelRule): string {
  return note.slice(0, HASH_LENGTH)
}

/** Who has the rule, as far as it says. */
export function ownerIn({ note, comment }: KernelRule): string {
  return note.slice(HASH_LENGTH + 1) || `container ${comment || 'of an unknown owner'}`
}

/** All rules for one of the pod's addresses. With conditions the ports' own are nft's to write; a rule that only counts says whose these are. */
export function ownRules(order: PortmapRequest, pod: Cidr): Request[] {
  const { attachment, config } = order
  const { family } = pod.address
  const add = (chain: string, expressions: readonly Expression[]) =>
    addRule(tableOf(family), chain, expressions, commentOf(attachment), noteOf(order))
  const ports =
    config.conditions[family].length > 0
      ? [add(HOSTPORTS, [counter()])]
      : portsOf(config.mappings, family).map((mapping) => add(HOSTPORTS, portRule(mapping, pod.address)))
  return [...ports, ...masqueradeRules(order, pod).map((expressions) => add(MASQUERADING, expressions))]
}

/** Where a pod could not answer to the source: itself, 127.0.0.1, its neighbours on a bridge, or with masqAll any client of one of its ports. */
export function masqueradeRules({ config }: PortmapRequest, pod: Cidr, maker: 'ours' | 'go' = 'ours'): Expression[][] {
  if (!config.snat) return []
  const to = ipDaddr(pod.address)
  // ip saddr POD ip daddr POD masquerade; ip saddr 127.0.0.1 ip daddr POD masquerade
  const sources = [pod.address, ...(pod.address.family === 4 ? [parseAddress('127.0.0.1')] : [])]
  const own = sources.map((source) => [...ipSaddr(source), ...to, masquerade()])
  if (maker === 'go') return own
  // ct status dnat ip daddr POD masquerade, besides the others: CHECK of the Go plugin, which has no masqAll here, counts those
  if (config.masqAll) return [...own, [...ctStatus('dnat'), ...to, masquerade()]]
  if (pod.length === addressBits(pod.address)) return own
  // ct status dnat ip saddr SUBNET ip daddr POD masquerade: the iptables backend does so, the Go plugin's nftables one does not
  return [...own, [...ctStatus('dnat'), ...ipSaddr(pod), ...to, masquerade()]]
}

/** The same as text, for nft: `CONDITIONS ip daddr HOSTIP tcp dport 8080 dnat to 10.1.0.5:80`. */
export function portLine({ protocol, hostPort, hostIP, containerPort }: HostPort, pod: Address): string {
  const [family, text] = pod.family === 4 ? ['ip', formatAddress(pod)] : ['ip6', `[${formatAddress(pod)}]`]
  return `${hostIP ? `${family} daddr ${formatAddress(hostIP)} ` : ''}${protocol} dport ${hostPort} dnat to ${text}:${containerPort}`
}

function portRule({ protocol, hostPort, hostIP, containerPort }: HostPort, pod: Address): Expression[] {
  return [...(hostIP ? ipDaddr(hostIP) : []), ...l4protoIs(protocolNumbers[protocol]), ...dport(hostPort), ...dnat(pod, containerPort)]
}

/** What a rule of `hostports` says; undefined where it leads to no pod. */
export function readHostPort(rule: KernelRule): HostPortRule | undefined {
  let loaded = ''
  let conditional = false
  const found: { proto?: number; port?: number; hostIP?: Address; address?: Address; to?: number } = {}
  for (const { name, data } of expressionsOf(rule)) {
    const attributes = data?.attributes()
    const value = (type: number) => attributes?.get(type)?.attributes().get(NFTA_DATA_VALUE)
    const number = (type: number) => attributes?.get(type)?.be32()
    if (name === 'meta') loaded = number(NFTA_META_KEY) === NFT_META_L4PROTO ? 'proto' : ''
    else if (name === 'payload') {
      const place = [NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_OFFSET, NFTA_PAYLOAD_LEN].map(number).join(' ')
      loaded = places[place] ?? ''
    } else if (name === 'cmp') {
      const operand = number(NFTA_CMP_OP) === NFT_CMP_EQ ? value(NFTA_CMP_DATA) : undefined
      if (loaded === 'proto' && operand) found.proto = operand.u8()
      else if (loaded === 'port' && operand) found.port = be16(operand)
      else if (loaded === 'hostIP' && operand && !found.hostIP) found.hostIP = addressOf(operand)
      else conditional = true
      loaded = ''
    } else if (name === 'immediate') {
      const operand = value(NFTA_IMMEDIATE_DATA)
      if (operand?.length === 2) found.to = be16(operand)
      else if (operand) found.address = addressOf(operand)
    } else if (name !== 'nat' && name !== 'counter') conditional = true
  }
  const { proto, port, hostIP, address, to } = found
  const protocol = protocolOf(proto)
  if (!protocol || port === undefined || !address || to === undefined) return undefined
  return { protocol, hostPort: port, hostIP, to: { address, port: to }, conditional }
}

function addressOf(value: View): Address {
  return { family: value.length === 4 ? 4 : 6, bytes: value.bytes() }
}

function be16(value: View): number {
  return (value.u8(0) << 8) | value.u8(1)
}
