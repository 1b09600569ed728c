// The rules that one attachment has in the nftables tables. Pure; nftables-read.ts reads them back.

import type { Attachment } from '../../../cni/types.ts'
import { sys } from '../../../host/sys.ts'
import { fitComment } from '../../../kernel/nftables/comment.ts'
import type { Expression } from '../../../kernel/nftables/expression.ts'
import { ctStatus, dport, ipDaddr, ipSaddr, l4protoIs } from '../../../kernel/nftables/match.ts'
import { hexDigits } from '../../../kernel/nftables/read-rule.ts'
import type { Request } from '../../../kernel/nftables/request.ts'
import { addRule } from '../../../kernel/nftables/rule.ts'
import { counter, dnat, masquerade } from '../../../kernel/nftables/statement.ts'
import { type Address, formatAddress, parseAddress } from '../../../net/address.ts'
import { addressBits, type Cidr } from '../../../net/cidr.ts'
import { type HostPort, portsOf } from '../../host-ports/mapping.ts'
import { protocolNumbers } from '../../host-ports/protocol.ts'
import { attachmentHash } from '../../netfilter/identity.ts'
import type { PortmapRequest } from './backend.ts'
import { HOSTPORTS, MASQUERADING, tableOf } from './nftables-table.ts'

/** The Go plugin's comment, the container's id and nothing else: by it either removes the other's rules. */
export function commentOf({ containerId }: Pick<Attachment, 'containerId'>): string {
  return fitComment(containerId)
}

/** What `listRules` finds every rule of the container by. */
export function idDigits(attachment: Pick<Attachment, 'containerId'>): string {
  return hexDigits(new Uint8Array(sys.encodeUtf8(commentOf(attachment))))
}

/** All rules for one of the pod's addresses. With conditions nft writes the ports' own: a rule that only counts records their owner. */
export function ownRules(request: PortmapRequest, pod: Cidr): Request[] {
  const { attachment, config } = request
  const { family } = pod.address
  const add = (chain: string, expressions: readonly Expression[]) =>
    addRule(tableOf(family), chain, expressions, commentOf(attachment), noteOf(request))
  const ports =
    config.conditions[family].length > 0
      ? [add(HOSTPORTS, [counter()])]
      : portsOf(config.mappings, family).map((mapping) => add(HOSTPORTS, portRule(mapping, pod.address)))
  return [...ports, ...masqueradeRules(request, pod).map((expressions) => add(MASQUERADING, expressions))]
}

/** Where a pod could not answer to the source: itself, 127.0.0.1, its neighbours on a bridge, or with masqAll any client of one of its ports. */
export function masqueradeRules({ config }: PortmapRequest, pod: Cidr): Expression[][] {
  const own = referenceMasqueradeRules({ config }, pod)
  if (own.length === 0) return []
  const to = ipDaddr(pod.address)
  // ct status dnat ip daddr POD masquerade, as well as the others: CHECK of the Go plugin, which has no masqAll here, counts those
  if (config.masqAll) return [...own, [...ctStatus('dnat'), ...to, masquerade()]]
  if (pod.length === addressBits(pod.address)) return own
  // ct status dnat ip saddr SUBNET ip daddr POD masquerade: the iptables backend does so, the Go plugin's nftables one does not
  return [...own, [...ctStatus('dnat'), ...ipSaddr(pod), ...to, masquerade()]]
}

/** Those that the Go plugin makes. */
export function referenceMasqueradeRules({ config }: Pick<PortmapRequest, 'config'>, pod: Cidr): Expression[][] {
  if (!config.snat) return []
  // ip saddr POD ip daddr POD masquerade; ip saddr 127.0.0.1 ip daddr POD masquerade
  const sources = [pod.address, ...(pod.address.family === 4 ? [parseAddress('127.0.0.1')] : [])]
  return sources.map((source) => [...ipSaddr(source), ...ipDaddr(pod.address), masquerade()])
}

/** The lines for nft where the ports have conditions: `add rule … CONDITIONS ip daddr HOSTIP tcp dport 8080 dnat to 10.1.0.5:80`. */
export function conditionalRules({ attachment, config, pods }: PortmapRequest): string[] {
  return pods.flatMap(({ address }) => {
    const conditions = config.conditions[address.family]
    if (conditions.length === 0) return []
    const { family, table } = tableOf(address.family)
    const start = `add rule ${family} ${table} ${HOSTPORTS} ${conditions.join(' ')}`
    return portsOf(config.mappings, address.family).map(
      (mapping) => `${start} ${portLine(mapping, address)} comment "${commentOf(attachment)}"`,
    )
  })
}

/** The note that goes with the comment: the attachment among those of the container, and the owner's name for people. */
function noteOf({ attachment, owner }: PortmapRequest): string {
  return `${attachmentHash(attachment)} ${owner}`
}

/** `ip daddr HOSTIP meta l4proto PROTOCOL th dport PORT dnat to POD:PORT` */
function portRule({ protocol, hostPort, hostIP, containerPort }: HostPort, pod: Address): Expression[] {
  return [...(hostIP ? ipDaddr(hostIP) : []), ...l4protoIs(protocolNumbers[protocol]), ...dport(hostPort), ...dnat(pod, containerPort)]
}

/** The same as text. */
function portLine({ protocol, hostPort, hostIP, containerPort }: HostPort, pod: Address): string {
  const [family, text] = pod.family === 4 ? ['ip', formatAddress(pod)] : ['ip6', `[${formatAddress(pod)}]`]
  return `${hostIP ? `${family} daddr ${formatAddress(hostIP)} ` : ''}${protocol} dport ${hostPort} dnat to ${text}:${containerPort}`
}
