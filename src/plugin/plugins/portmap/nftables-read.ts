// The rules that are in the tables, podwire's or the Go plugin's: what each forwards, and which attachment owns it. Pure.

import type { Attachment } from '../../../cni/types.ts'
import { exactValue, readRule } from '../../../kernel/nftables/read-rule.ts'
import type { KernelRule } from '../../../kernel/nftables/rule.ts'
import { type Address, sameAddress } from '../../../net/address.ts'
import type { HostPort, Protocol } from '../../host-ports/mapping.ts'
import { protocolOf } from '../../host-ports/protocol.ts'
import { attachmentHash } from '../../netfilter/identity.ts'
import { commentOf } from './nftables-rules.ts'

/** A rule of `hostports` that forwards a port to a pod. */
export interface HostPortRule {
  readonly protocol: Protocol
  readonly hostPort: number
  readonly hostIP: Address | undefined
  readonly to: { readonly address: Address; readonly port: number }
  /** It has more matches: it does not take all that comes for the port. */
  readonly conditional: boolean
}

/** `16 hex digits-16 hex digits`, identity.ts. */
const HASH_LENGTH = 33

/** `ip daddr HOSTIP meta l4proto PROTOCOL th dport PORT dnat to ADDRESS:PORT`; undefined for a rule that forwards nothing. */
export function readHostPort(rule: KernelRule): HostPortRule | undefined {
  const parts = readRule(rule)
  const [protocol, port, hostIP] = (['l4proto', 'dport', 'daddr'] as const).map((field) => exactValue(parts, field))
  const to = parts.operands.find(({ length }) => length === 2)
  const address = parts.operands.find(({ length }) => length !== 2)
  const name = protocolOf(protocol?.[0])
  if (!name || !port || !address || !to) return undefined
  const known = hostIP ? 3 : 2
  return {
    protocol: name,
    hostPort: readPort(port),
    hostIP: hostIP && addressOf(hostIP),
    to: { address: addressOf(address), port: readPort(to) },
    conditional: parts.matches.length > known || parts.others.some((other) => other !== 'nat' && other !== 'counter'),
  }
}

/** True where the rule takes everything that comes for the host port. */
export function covers(rule: HostPortRule, { protocol, hostPort, hostIP }: Omit<HostPort, 'containerPort'>): boolean {
  if (rule.protocol !== protocol || rule.hostPort !== hostPort) return false
  return !rule.hostIP || (hostIP !== undefined && sameAddress(rule.hostIP, hostIP))
}

/**
 * Rules of this attachment, and those of its container that do not name an attachment: these are the Go plugin's, or were restored from a listing,
 * and they have only the container.
 */
export function ownedBy(attachment: Attachment): (rule: KernelRule) => boolean {
  const hash = attachmentHash(attachment)
  const comment = commentOf(attachment)
  return (rule) => rule.comment === comment && (hashIn(rule) === hash || hashIn(rule) === '')
}

/** The attachment's hash, '' for a rule that podwire did not make. */
export function hashIn({ note }: KernelRule): string {
  return note.slice(0, HASH_LENGTH)
}

/** The pod that has the rule; the container where the rule names no pod. */
export function ownerIn({ note, comment }: KernelRule): string {
  return note.slice(HASH_LENGTH + 1) || `container ${comment || 'of an unknown owner'}`
}

function addressOf(bytes: Uint8Array): Address {
  return { family: bytes.length === 4 ? 4 : 6, bytes }
}

function readPort([high = 0, low = 0]: Uint8Array): number {
  return (high << 8) | low
}
