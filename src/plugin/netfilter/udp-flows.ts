// Deletes conntrack entries of UDP when a host port is added or removed: a client that continues to send would keep the old destination.

import { isSysError } from '../../host/error.ts'
import { log } from '../../host/log.ts'
import { deleteFlows, type Flow, listUdpFlows } from '../../kernel/conntrack.ts'
import { closeNetlink, type NetlinkSocket, openNetlink } from '../../kernel/netlink/socket.ts'
import { NETLINK_NETFILTER } from '../../kernel/nftables/constants.ts'
import { NETLINK_ROUTE } from '../../kernel/route/constants.ts'
import { lookUpRoutes } from '../../kernel/route/lookup.ts'
import { readSysctl } from '../../kernel/sysctl.ts'
import { type Address, formatAddress, sameAddress } from '../../net/address.ts'

/** A UDP port of the node, on one of its addresses or on all, and what it leads to. */
export interface PortForward {
  readonly family: 4 | 6
  readonly hostIP: Address | undefined
  readonly hostPort: number
  readonly to: { readonly address: Address; readonly port: number }
}

/** After ADD: flows to the ports that go elsewhere than to the pod, as the next packet must. What only passes through the node stays. */
export function forgetOldFlows(leads: readonly PortForward[]): void {
  forget(leads, (flows, { hostIP, to }) => {
    const elsewhere = flows.filter(({ original, reply }) => {
      const here = sameAddress(reply.src, to.address) && reply.sport === to.port
      return !here && (!hostIP || sameAddress(original.dst, hostIP))
    })
    const own = localAddresses(elsewhere.map(({ original }) => original.dst))
    return elsewhere.filter(({ original }) => own.has(formatAddress(original.dst)))
  })
}

/** After DEL: flows that the ports led to the pod. */
export function forgetFlowsToPod(leads: readonly PortForward[]): void {
  forget(leads, (flows, { to }) =>
    flows.filter(({ original, reply }) => sameAddress(reply.src, to.address) && !sameAddress(original.dst, to.address)),
  )
}

/** Failing here loses packets of some clients until they pause; failing the pod for it would lose more. */
function forget(leads: readonly PortForward[], choose: (flows: readonly Flow[], lead: PortForward) => readonly Flow[]): void {
  // A node that tracks nothing has nothing to forget: the dump would walk an empty table of some megabytes.
  if (leads.length === 0 || readSysctl('net/netfilter/nf_conntrack_count') === '0') return
  try {
    withSocket(NETLINK_NETFILTER, (socket) => {
      for (const lead of leads) deleteFlows(socket, choose(listUdpFlows(socket, lead.family, lead.hostPort), lead))
    })
  } catch (error) {
    if (!isSysError(error)) throw error
    log.warn('cannot delete UDP connections to host ports from connection tracking', { error: error.message })
  }
}

/** Those of the addresses that are the node's own, as text. */
function localAddresses(addresses: readonly Address[]): Set<string> {
  const distinct = [...new Map(addresses.map((address) => [formatAddress(address), address]))]
  if (distinct.length === 0) return new Set()
  return withSocket(NETLINK_ROUTE, (socket) => {
    const local = new Set<string>()
    for (const [text, address] of distinct) if (lookUpRoutes(socket, [address])[0]?.local) local.add(text)
    return local
  })
}

function withSocket<T>(protocol: number, use: (socket: NetlinkSocket) => T): T {
  const socket = openNetlink(protocol)
  try {
    return use(socket)
  } finally {
    closeNetlink(socket)
  }
}
