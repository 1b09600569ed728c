// From the cluster's Nodes to the desired state of this one. Pure; an invalid Node is skipped and reported, and never stops the others.

import type { Problem } from '../contract/problem.ts'
import { type Packed, type PackedPrefix, packAddress, packedBits, packedFamily, packPrefix } from '../net/packed.ts'
import { type Claims, claim, noClaims, ownerIn } from './claims.ts'
import { type Masquerade, type NodeEntry, type NodeState, PROTOCOL, type Routing } from './state.ts'

/** The fields of a Node object that the plan reads. */
export interface ClusterNode {
  readonly name: string
  /** Its InternalIPs, in order. */
  readonly addresses: readonly string[]
  /** spec.podCIDRs, or spec.podCIDR alone. */
  readonly podCidrs: readonly string[]
  /** status.allocatable.pods. */
  readonly maxPods?: number
  /** RFC 3339 in UTC, as the API server writes it: in a conflict the older Node wins. */
  readonly creationTimestamp?: string
}

export interface PlanConfig {
  readonly routing: Routing
  readonly mtu: number
  readonly masquerade: Masquerade
  readonly forwardAccept: boolean
  /** Destinations that keep the pod's address, whether a Node has them or not. */
  readonly clusterCidrs: readonly string[]
  /** No Node's subnet may lie in them: those addresses never leave a node. */
  readonly serviceCidrs: readonly string[]
}

export type PlanProblemKind =
  | 'self-unknown'
  | 'duplicate-name'
  | 'no-pod-cidr'
  | 'bad-pod-cidr'
  | 'overlapping-pod-cidr'
  | 'host-overlap'
  | 'service-overlap'
  | 'no-address'
  | 'bad-address'
  | 'duplicate-address'
  | 'pool-too-small'
  | 'bad-config'

/** `object` is the Node's name, '' where it is about the configuration. A warning: the other Nodes are served anyway. */
export interface PlanProblem extends Problem {
  readonly kind: PlanProblemKind
}

export interface Plan {
  /** Undefined while the node itself is unknown, or lacks a subnet or an address: a problem names it. */
  readonly state: NodeState | undefined
  readonly problems: readonly PlanProblem[]
}

/** The shortest and longest prefix of a podCIDR: a shorter one is surely a mistake, a longer one has no address for a pod. */
const LENGTHS = { 4: [8, 30], 6: [16, 126] } as const

/** What node `self` should have, by name of the peers. The same input gives the same plan, in whatever order the nodes come. */
export function plan(nodes: readonly ClusterNode[], self: string, config: PlanConfig): Plan {
  const scan: PlanScan = { self, problems: [], subnets: noClaims(), addresses: noClaims(), services: noClaims() }
  for (const cidr of config.serviceCidrs) {
    const prefix = packPrefix(cidr)
    if (prefix) claim(scan.services, prefix, cidr)
    else report(scan, 'bad-config', '', `serviceCidrs: ${cidr} is not a subnet in CIDR notation`)
  }
  const known = uniqueByName(scan, nodes)
  // All addresses before the first subnet: a subnet must not hold any of them.
  const withAddresses = known.map((node) => ({ node, addresses: takeAddresses(scan, node) }))
  const entries = withAddresses.flatMap(({ node, addresses }) => {
    const podCidrs = takeSubnets(scan, node)
    return addresses.length > 0 && podCidrs.length > 0 ? [{ name: node.name, addresses, podCidrs }] : []
  })
  entries.sort((a, b) => order(a.name, b.name))
  const own = entries.find(({ name }) => name === self)
  if (!known.some(({ name }) => name === self)) report(scan, 'self-unknown', self, 'there is no Node of this name yet')
  const state = own && desiredState(own, entries, config)
  scan.problems.sort((a, b) => order(a.object, b.object))
  return { state, problems: scan.problems }
}

/** Problems so far, and which Node has which addresses. */
interface PlanScan {
  readonly self: string
  readonly problems: PlanProblem[]
  readonly subnets: Claims
  readonly addresses: Claims
  readonly services: Claims
}

function report(scan: PlanScan, kind: PlanProblemKind, object: string, message: string): void {
  scan.problems.push({ kind, object, message, failed: false })
}

function desiredState(node: NodeEntry, entries: readonly NodeEntry[], config: PlanConfig): NodeState {
  const { enabled, exempt, randomFully } = config.masquerade
  return {
    protocol: PROTOCOL,
    node,
    peers: entries.filter((entry) => entry !== node),
    routing: config.routing,
    mtu: config.mtu,
    // The nodes' own subnets are exempt anyway, so they need not stand here again.
    masquerade: { enabled, exempt: [...new Set([...config.clusterCidrs, ...exempt])].sort(), randomFully },
    forwardAccept: config.forwardAccept,
  }
}

/** In the order in which conflicts are decided: this node, then the older, then by name. */
function uniqueByName(scan: PlanScan, nodes: readonly ClusterNode[]): ClusterNode[] {
  const { self } = scan
  const age = ({ creationTimestamp }: ClusterNode) => creationTimestamp ?? '~'
  const ranked = [...nodes].sort((a, b) => {
    if (a.name !== b.name && (a.name === self || b.name === self)) return a.name === self ? -1 : 1
    return order(age(a), age(b)) || order(a.name, b.name)
  })
  const names = new Set<string>()
  return ranked.filter(({ name }) => {
    if (!names.has(name)) return names.add(name)
    report(scan, 'duplicate-name', name, 'another Node has the same name: the older one is used')
    return false
  })
}

function takeAddresses(scan: PlanScan, { name, addresses }: ClusterNode): string[] {
  if (addresses.length === 0) report(scan, 'no-address', name, 'it has no InternalIP')
  return addresses.filter((text, i) => {
    const packed = packAddress(text)
    if (packed === undefined || !isOrdinary(packed)) {
      report(scan, 'bad-address', name, `InternalIP ${JSON.stringify(text)} is not an address at which a node can be reached`)
      return false
    }
    if (addresses.indexOf(text) !== i) return false
    const owner = claim(scan.addresses, { first: packed, length: packedBits(packed) }, name)
    if (owner === undefined || owner === name) return owner === undefined
    report(scan, 'duplicate-address', name, `InternalIP ${text} is the address of Node ${owner}, which keeps it`)
    return false
  })
}

function takeSubnets(scan: PlanScan, { name, podCidrs, maxPods }: ClusterNode): string[] {
  if (podCidrs.length === 0) report(scan, 'no-pod-cidr', name, 'it has no podCIDR yet')
  const taken = podCidrs.filter((text) => takeSubnet(scan, name, text))
  if (name === scan.self && maxPods !== undefined) {
    for (const text of taken) warnOfPool(scan, name, text, maxPods)
  }
  return taken
}

function takeSubnet(scan: PlanScan, name: string, text: string): boolean {
  const prefix = packPrefix(text)
  if (!prefix || !isPlausible(prefix)) {
    const [shortest, longest] = LENGTHS[text.includes(':') ? 6 : 4]
    const expected = `expected the first address of a subnet and a length from ${shortest} to ${longest}`
    report(scan, 'bad-pod-cidr', name, `podCIDR ${JSON.stringify(text)} is not a subnet for pods: ${expected}`)
    return false
  }
  const service = ownerIn(scan.services, prefix)
  if (service !== undefined) report(scan, 'service-overlap', name, `podCIDR ${text} overlaps the Services' ${service}`)
  const host = ownerIn(scan.addresses, prefix)
  if (host !== undefined) {
    report(scan, 'host-overlap', name, `podCIDR ${text} holds the address of Node ${host}`)
    // A route for it would cut that node off. This node's own is used anyway.
    if (name !== scan.self) return false
  }
  const owner = claim(scan.subnets, prefix, name)
  if (owner === undefined) return true
  report(scan, 'overlapping-pod-cidr', name, `podCIDR ${text} overlaps one of Node ${owner}, which keeps it`)
  return false
}

/** Neither of this machine only nor of many: 0/8, 127/8, 224/3; ::/16, fe80::/10, ff00::/8. */
function isOrdinary(packed: Packed): boolean {
  if (packedFamily(packed) === 4) return packed >= '01' && packed < 'e0' && !packed.startsWith('7f')
  return packed >= '0001' && !(packed >= 'fe8' && packed < 'fec') && packed < 'ff'
}

function isPlausible({ first, length }: PackedPrefix): boolean {
  const [shortest, longest] = LENGTHS[packedFamily(first)]
  return length >= shortest && length <= longest && isOrdinary(first)
}

/** The first address and the gateway's are not given out, nor is the last one of IPv4. */
function warnOfPool(scan: PlanScan, name: string, text: string, maxPods: number): void {
  const prefix = packPrefix(text)
  const pool = prefix ? 2 ** (packedBits(prefix.first) - prefix.length) - (packedFamily(prefix.first) === 4 ? 3 : 2) : 0
  if (maxPods > pool) report(scan, 'pool-too-small', name, `podCIDR ${text} has ${pool} addresses for up to ${maxPods} pods`)
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
