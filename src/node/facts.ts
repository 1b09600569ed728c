// What a pass reads of the node itself: the device that leads to the peers, its subnets, the VXLAN device.

import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import { type AddressText, dumpAddresses } from '../kernel/route/address-body.ts'
import { RT_SCOPE_UNIVERSE } from '../kernel/route/constants.ts'
import { findLinks, type Link } from '../kernel/route/link.ts'
import { networkOfPacked, type Packed, type PackedPrefix, packedContains, packedFamily } from '../net/packed.ts'
import { VXLAN_NAME } from './names.ts'
import type { ParsedState } from './read-state.ts'

/** The device with the node's address of one family. */
export interface Uplink {
  readonly link: Link
  readonly address: Packed
  /** All its addresses of that family. */
  readonly addresses: readonly Packed[]
  /** The subnets on it, of that family. */
  readonly onLink: readonly PackedPrefix[]
}

export interface HostSubnet {
  readonly ifindex: number
  readonly address: Packed
  readonly subnet: PackedPrefix
}

export interface Facts {
  /** By family; undefined where no device has an address of the node. */
  readonly uplinks: Readonly<Record<4 | 6, Uplink | undefined>>
  /** The device named podwire.vx, podwire's or not. */
  readonly vxlan: Link | undefined
  /** The addresses on it that were configured. */
  readonly vxlanAddresses: readonly PackedPrefix[]
  /** The subnets of all other devices, without those of the node's own pods. */
  readonly hostSubnets: readonly HostSubnet[]
}

/** The part of the state that facts depend on. */
export type Place = Pick<ParsedState, 'node' | 'routing'>

export function readFacts(socket: NetlinkSocket, state: Place): Facts {
  const subnets = dumpAddresses(socket).flatMap(subnetOf)
  const own = ([4, 6] as const).map((family) => findOwn(subnets, state, family))
  const { device } = state.routing
  const links = findLinks(socket, [
    { name: VXLAN_NAME },
    ...own.flatMap((found) => (found ? [{ index: found.ifindex }] : [])),
    ...(device === '' ? [] : [{ name: device }]),
  ])
  const vxlan = links.find(({ name }) => name === VXLAN_NAME)
  const uplinkOf = (found: HostSubnet | undefined): Uplink | undefined => {
    const link = links.find(({ name, index }) => (device === '' ? index === found?.ifindex : name === device))
    if (!found || !link) return undefined
    const onLink = subnets.filter(({ ifindex, address }) => ifindex === link.index && packedFamily(address) === packedFamily(found.address))
    return { link, address: found.address, addresses: onLink.map(({ address }) => address), onLink: onLink.map(({ subnet }) => subnet) }
  }
  return {
    uplinks: { 4: uplinkOf(own[0]), 6: uplinkOf(own[1]) },
    vxlan,
    vxlanAddresses: subnets
      .filter(({ ifindex }) => ifindex === vxlan?.index)
      .map(({ address, subnet }) => ({ first: address, length: subnet.length })),
    hostSubnets: subnets.filter(({ ifindex, address }) => {
      return ifindex !== vxlan?.index && !isLoopback(address) && !state.node.podCidrs.some((cidr) => packedContains(cidr, address))
    }),
  }
}

/** Link-local IPv6 addresses, which every device has, lead nowhere. */
function subnetOf({ ifindex, scope, address, far, length }: AddressText): HostSubnet[] {
  if (scope !== RT_SCOPE_UNIVERSE && packedFamily(address) === 6) return []
  return [{ ifindex, address, subnet: networkOfPacked({ first: far, length }) }]
}

function findOwn(subnets: readonly HostSubnet[], { node }: Place, family: 4 | 6): HostSubnet | undefined {
  for (const address of node.addresses) {
    const found = packedFamily(address) === family ? subnets.find((subnet) => subnet.address === address) : undefined
    if (found) return found
  }
  return undefined
}

function isLoopback(address: Packed): boolean {
  return address.startsWith('7f') && address.length === 8
}
