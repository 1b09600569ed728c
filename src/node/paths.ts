// How each peer is reached: on the same link by its own address, otherwise through VXLAN. Pure.

import { formatPacked, type Packed, type PackedPrefix, packedContains, packedFamily, packedLast } from '../net/packed.ts'
import type { Facts, Uplink } from './facts.ts'
import type { ParsedNode, ParsedState } from './read-state.ts'
import { OVERHEAD, vtepMac } from './vtep.ts'

/** A subnet of a peer, and the peer's address that is on the same link. */
export interface DirectPath {
  readonly subnet: PackedPrefix
  readonly gateway: Packed
}

/** A peer's tunnel end. Its own device has the first address of each of `subnets`. */
export interface TunnelPath {
  readonly mac: string
  readonly remote: Packed
  readonly subnets: readonly PackedPrefix[]
}

export interface Unreached {
  readonly name: string
  readonly reason: string
}

/** A peer's subnet that overlaps one of this machine, and the machine's address there. */
export interface HostOverlap {
  readonly name: string
  readonly subnet: PackedPrefix
  readonly address: Packed
  /** The address lies in the subnet: a route would cut it off, so none is made. */
  readonly fatal: boolean
}

/** The desired VXLAN device. */
export interface Tunnel {
  /** The family of the outer packets. */
  readonly underlay: 4 | 6
  readonly local: Packed
  readonly mac: string
  readonly mtu: number
  /** The first address of each of the node's subnets. */
  readonly addresses: readonly Packed[]
}

export interface Paths {
  readonly direct: { readonly 4: DirectPath[]; readonly 6: DirectPath[] }
  readonly tunnels: TunnelPath[]
  /** Undefined where no device is needed. */
  readonly tunnel: Tunnel | undefined
  readonly unreached: Unreached[]
  readonly overlaps: readonly HostOverlap[]
  /** MTU of pods that fits every path; 0 where no device leads to a peer. */
  readonly mtu: number
}

/** Peers by the path to them. */
export function findPaths(state: ParsedState, facts: Facts): Paths {
  const { mode } = state.routing
  const tunnel = mode === 'auto' || mode === 'vxlan' ? planTunnel(state, facts) : undefined
  const overlaps = findHostOverlaps(state, facts)
  const found: Found = { direct: { 4: [], 6: [] }, tunnels: [], unreached: [] }
  if (mode !== 'none' && (facts.uplinks[4] || facts.uplinks[6])) addPeerPaths(found, state, facts, tunnel, overlaps)
  // Before a peer needs it, it is made only in mode vxlan: an idle device would puzzle the operator.
  const needed = mode === 'vxlan' || found.tunnels.length > 0
  return { ...found, tunnel: needed ? tunnel : undefined, overlaps, mtu: podMtu(state, facts, tunnel) }
}

type Found = Pick<Paths, 'direct' | 'tunnels' | 'unreached'>

/** Each subnet of each peer: on the link, else through the tunnel, else unreached. */
function addPeerPaths(
  { direct, tunnels, unreached }: Found,
  state: ParsedState,
  facts: Facts,
  tunnel: Tunnel | undefined,
  overlaps: readonly HostOverlap[],
): void {
  const links = state.routing.mode === 'vxlan' ? { 4: [], 6: [] } : { 4: linkRanges(facts.uplinks[4]), 6: linkRanges(facts.uplinks[6]) }
  const families = new Set(state.node.podCidrs.map(({ first }) => packedFamily(first)))
  const avoided = new Set(overlaps.flatMap(({ subnet, fatal }) => (fatal ? [subnet] : [])))
  for (const peer of state.peers) {
    const tunnelled: PackedPrefix[] = []
    for (const subnet of peer.podCidrs) {
      if (avoided.size > 0 && avoided.has(subnet)) continue
      const family = packedFamily(subnet.first)
      const gateway = findOnLink(peer, links[family])
      if (gateway !== undefined) direct[family].push({ subnet, gateway })
      else if (tunnel && families.has(family)) tunnelled.push(subnet)
      else if (families.has(family)) unreached.push({ name: peer.name, reason: whyNotDirect(state, facts, family) })
    }
    if (!tunnel || tunnelled.length === 0) continue
    const path = tunnelPath(peer, tunnel, tunnelled)
    if (path) tunnels.push(path)
    else unreached.push({ name: peer.name, reason: `it has no IPv${tunnel.underlay} address for VXLAN` })
  }
}

/** Undefined where the peer has no address of the underlay's family. */
function tunnelPath({ addresses }: ParsedNode, { local }: Tunnel, subnets: readonly PackedPrefix[]): TunnelPath | undefined {
  const [first] = addresses
  const remote = first?.length === local.length ? first : addresses.find((address) => address.length === local.length)
  return first === undefined || remote === undefined ? undefined : { mac: vtepMac(first), remote, subnets }
}

/** IPv4 carries the outer packets wherever the node has it, as it will on the peers. */
function planTunnel({ node, mtu }: ParsedState, { uplinks }: Facts): Tunnel | undefined {
  const underlay = node.addresses.some((address) => packedFamily(address) === 4) ? 4 : 6
  const uplink = uplinks[underlay]
  const [first] = node.addresses
  if (!uplink || first === undefined) return undefined
  const most = uplink.link.mtu - OVERHEAD[underlay]
  return {
    underlay,
    local: uplink.address,
    mac: vtepMac(first),
    mtu: mtu === 0 ? most : Math.min(mtu, most),
    addresses: node.podCidrs.map((cidr) => cidr.first),
  }
}

/**
 * In mode auto as much as fits into VXLAN even while no peer needs it: the MTU of running pods cannot be changed when the first such peer comes.
 * With all nodes on one link, mode direct gives the whole MTU.
 */
function podMtu({ mtu }: ParsedState, { uplinks }: Facts, tunnel: Tunnel | undefined): number {
  if (tunnel) return tunnel.mtu
  const most = Math.min(uplinks[4]?.link.mtu ?? 65535, uplinks[6]?.link.mtu ?? 65535)
  if (!uplinks[4] && !uplinks[6]) return mtu
  return mtu === 0 ? most : Math.min(mtu, most)
}

interface Range {
  readonly first: Packed
  readonly last: Packed
}

function linkRanges(uplink: Uplink | undefined): Range[] {
  return (uplink?.onLink ?? []).map((prefix) => ({ first: prefix.first, last: packedLast(prefix) }))
}

function findOnLink({ addresses }: ParsedNode, ranges: readonly Range[]): Packed | undefined {
  for (const { first, last } of ranges) {
    for (const address of addresses) {
      if (address.length === first.length && address >= first && address <= last) return address
    }
  }
  return undefined
}

function whyNotDirect({ routing, node }: ParsedState, { uplinks }: Facts, family: 4 | 6): string {
  const uplink = uplinks[family]
  if (routing.mode !== 'direct') return `VXLAN has no device: none has an address of node ${node.name}`
  if (!uplink) return `this node has no IPv${family} address on a device, and routing.mode is direct`
  return `none of its IPv${family} addresses is on the link of ${uplink.link.name}, and routing.mode is direct`
}

function findHostOverlaps({ peers }: ParsedState, { hostSubnets }: Facts): HostOverlap[] {
  const overlaps: HostOverlap[] = []
  for (const { address, subnet: own } of hostSubnets) {
    const last = packedLast(own)
    for (const { name, podCidrs } of peers) {
      for (const subnet of podCidrs) {
        const { first, length } = subnet
        if (first.length !== last.length) continue
        const inside = first >= own.first && first <= last
        // If it is not inside, it can only contain it.
        if (!inside && (length >= own.length || !packedContains(subnet, own.first))) continue
        overlaps.push({ name, subnet, address, fatal: packedContains(subnet, address) })
      }
    }
  }
  return overlaps
}

/** `10.1.2.0/24` */
export function formatPrefix({ first, length }: PackedPrefix): string {
  return `${formatPacked(first)}/${length}`
}
