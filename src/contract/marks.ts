// What podwire recognises its own objects in the kernel by. Nothing without one of these marks is ever removed; the names in them never change.

/** What the alias of every link begins with that podwire made. */
export const ALIAS_PREFIX = 'podwire:'
/** Of a bridge that ADD made: uninstalling removes it, and its addresses may follow the node's subnet. */
export const BRIDGE_ALIAS = 'podwire:bridge'
/** Distinguishes podwire's VXLAN device from another of that name. */
export const VXLAN_ALIAS = 'podwire:vxlan'

/** Of every route that leads to a peer. */
export const ROUTE_PROTOCOL = 0x9d

/** Host ports and the cluster's masquerade share it: each changes only the sets and chains that it names itself. */
export const TABLE = { family: 'inet', table: 'podwire' } as const

/** The comment of the rules in another program's FORWARD chain. */
export const FORWARD_COMMENT = 'podwire'
