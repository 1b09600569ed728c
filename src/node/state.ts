// The desired state that the agent hands to the native program: the node and its peers. Both programs use this file: it may know nothing of the host or the kernel.

/** What both sides must agree on; another number is rejected. */
export const PROTOCOL = 1

export type RoutingMode = 'auto' | 'direct' | 'vxlan' | 'none'

/** How peers are reached. `device` '' is the one that has the node's address. */
export interface Routing {
  readonly mode: RoutingMode
  readonly device: string
  /** The VXLAN network identifier. */
  readonly vni: number
  /** UDP. */
  readonly port: number
}

/** `exempt`: destinations besides the pods' own that keep the pod's address, in CIDR notation. */
export interface Masquerade {
  readonly enabled: boolean
  readonly exempt: readonly string[]
  readonly randomFully: boolean
}

/** A node as text: InternalIPs in the order of preference, subnets in CIDR notation without host bits. */
export interface NodeEntry {
  readonly name: string
  readonly addresses: readonly string[]
  readonly podCidrs: readonly string[]
}

/** The desired state as it goes over the wire (JSON) and lies on the disk. */
export interface NodeState {
  readonly protocol: typeof PROTOCOL
  readonly node: NodeEntry
  readonly peers: readonly NodeEntry[]
  readonly routing: Routing
  /** Of the pods' path to their peers; 0 is what the node's device leaves. */
  readonly mtu: number
  readonly masquerade: Masquerade
  /** Accept pods' packets where another program's FORWARD chain has the policy DROP. */
  readonly forwardAccept: boolean
}

export const defaultRouting: Routing = { mode: 'auto', device: '', vni: 1, port: 8472 }
