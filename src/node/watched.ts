// What a watch compares notifications with: the objects that the state requires, and the devices as they were.

import { CniError } from '../cni/error.ts'
import { openBulkNetlink } from '../kernel/netlink/bulk.ts'
import { closeNetlink } from '../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../kernel/route/constants.ts'
import type { Link } from '../kernel/route/link.ts'
import type { Packed } from '../net/packed.ts'
import { readDesired } from './desired-file.ts'
import { readFacts } from './facts.ts'
import { findPaths } from './paths.ts'
import { vtepGateway } from './vtep.ts'

export interface Watched {
  /** `0a010200/24` of each route in the desired state. */
  readonly destinations: ReadonlySet<string>
  /** The tunnel neighbours' addresses. */
  readonly neighbours: ReadonlySet<Packed>
  /** The tunnel ends' MACs, twelve digits. */
  readonly macs: ReadonlySet<string>
  /** The device with the node's address, by index. */
  readonly uplinks: ReadonlyMap<number, Link>
  /** The global addresses that it has. */
  readonly uplinkAddresses: ReadonlySet<Packed>
  readonly nodeAddresses: readonly Packed[]
  readonly vxlan: Link | undefined
  readonly vxlanMtu: number
  readonly vxlanMac: string
  readonly vxlanAddresses: readonly Packed[]
  readonly forwardAccept: boolean
}

/** Undefined before the first pass, or where its state is invalid. */
export function readWatched(stateDir: string): Watched | undefined {
  const state = readOrNothing(stateDir)
  if (!state) return undefined
  const route = openBulkNetlink(NETLINK_ROUTE)
  try {
    const facts = readFacts(route, state)
    const { direct, tunnels, tunnel } = findPaths(state, facts)
    const uplinks = [facts.uplinks[4], facts.uplinks[6]].flatMap((uplink) => (uplink ? [uplink] : []))
    const subnets = [...direct[4], ...direct[6]].map(({ subnet }) => subnet)
    const tunnelled = tunnels.flatMap((peer) => peer.subnets)
    return {
      destinations: new Set([...subnets, ...tunnelled].map(({ first, length }) => `${first}/${length}`)),
      neighbours: new Set([...tunnelled.map(({ first }) => first), ...tunnels.map(({ mac }) => vtepGateway(mac))]),
      macs: new Set(tunnels.map(({ mac }) => mac)),
      uplinks: new Map(uplinks.map(({ link }) => [link.index, link])),
      uplinkAddresses: new Set(uplinks.flatMap(({ addresses }) => addresses)),
      nodeAddresses: state.node.addresses,
      vxlan: tunnel && facts.vxlan,
      vxlanMtu: tunnel?.mtu ?? 0,
      vxlanMac: tunnel?.mac ?? '',
      vxlanAddresses: tunnel?.addresses ?? [],
      forwardAccept: state.forwardAccept,
    }
  } finally {
    closeNetlink(route)
  }
}

function readOrNothing(stateDir: string) {
  try {
    return readDesired(stateDir)
  } catch (error) {
    if (error instanceof CniError) return undefined
    throw error
  }
}
