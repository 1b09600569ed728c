// The names of the node's own objects in the kernel; what podwire recognises as its own is in contract/marks.ts.

export const VXLAN_NAME = 'podwire.vx'

/** Not `masquerade`: that is a keyword of nft, which could neither list nor restore it. */
export const MASQUERADE_CHAIN = 'masq'
export const POD_SET = { 4: 'pods4', 6: 'pods6' } as const
export const EXEMPT_SET = { 4: 'exempt4', 6: 'exempt6' } as const

/**
 * podwire's changes are distinguished from other programs' by the netlink port of the socket: this and the process number, which is below 2^22.
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
