// The transport protocols of host ports, as an IP header numbers them.

import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../../kernel/nftables/match.ts'
import { type Protocol, protocols } from './mapping.ts'

export const protocolNumbers: Readonly<Record<Protocol, number>> = { tcp: IPPROTO_TCP, udp: IPPROTO_UDP, sctp: IPPROTO_SCTP }

/** The protocol of that number; undefined for any other than these. */
export function protocolOf(number: number | undefined): Protocol | undefined {
  return protocols.find((name) => protocolNumbers[name] === number)
}
