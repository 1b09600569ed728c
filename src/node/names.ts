// By what the node's part of the network is known in the kernel. Nothing else is ever removed.

import type { TableRef } from '../kernel/nftables/request.ts'

/** Of every route that leads to a peer. */
export const ROUTE_PROTOCOL = 0x9d

export const VXLAN_NAME = 'podwire.vx'
/** The alias that distinguishes our device from another of that name. */
export const VXLAN_ALIAS = 'podwire:vxlan'
/** Of the bridge that the plugin makes where its datapath is `bridge`. */
export const BRIDGE_ALIAS = 'podwire:bridge'

/** The plugin keeps its host ports in the same table: only the sets and the chain named here are the node's. */
export const TABLE: TableRef = { family: 'inet', table: 'podwire' }
/** Not `masquerade`: that is a word of nft's language, and nft could neither list nor restore it. */
export const MASQUERADE_CHAIN = 'masq'
export const POD_SET = { 4: 'pods4', 6: 'pods6' } as const
export const EXEMPT_SET = { 4: 'exempt4', 6: 'exempt6' } as const

/** The comment of the rules that stand in another's FORWARD chain. */
export const FORWARD_COMMENT = 'podwire'

/**
 * Our own changes are distinguished from others' by the port of the socket that they came through: this and the number of the process, which is below 2^22.
 * Ports that the kernel chooses are process numbers, or negative.
 */
export const PORT_IDS = 0x50000000
const PIDS = 0x400000

export function isOwnPort(portId: number): boolean {
  return portId >= PORT_IDS && portId < PORT_IDS + PIDS
}

/** The same number for rtnetlink and for nf_tables: each has its own. */
export function ownPort(pid: number): number {
  return PORT_IDS + (pid % PIDS)
}
