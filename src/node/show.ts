// The state of the last pass, and what it means for the kernel, as text for people and as plain data for commands.

import { sys } from '../host/sys.ts'
import { openBulkNetlink } from '../kernel/netlink/bulk.ts'
import { closeNetlink } from '../kernel/netlink/socket.ts'
import type { Bound } from '../kernel/nftables/interval.ts'
import { NETLINK_ROUTE } from '../kernel/route/constants.ts'
import { describeNeighbourBody } from '../kernel/route/neighbour-body.ts'
import { describeRouteBody } from '../kernel/route/route-body.ts'
import { formatPacked } from '../net/packed.ts'
import { readDesired } from './desired-file.ts'
import { readFacts } from './facts.ts'
import { wantedSets } from './masquerade.ts'
import { ownPort, VXLAN_NAME } from './names.ts'
import { findPaths, formatPrefix } from './paths.ts'
import { peerObjects } from './peers.ts'
import type { Routing } from './state.ts'

export interface Shown {
  readonly node: { readonly name: string; readonly addresses: readonly string[]; readonly podCidrs: readonly string[] }
  readonly peers: number
  readonly routing: Routing
  readonly mtu: number
  /** The devices with the node's addresses. */
  readonly uplinks: readonly { readonly name: string; readonly address: string; readonly mtu: number }[]
  readonly vxlan: { readonly name: string; readonly local: string; readonly mtu: number; readonly addresses: readonly string[] } | undefined
  /** `10.1.2.0/24 via 192.168.0.2 dev #3` */
  readonly routes: readonly string[]
  readonly forwarding: readonly string[]
  readonly neighbours: readonly string[]
  /** The masquerade's, by name: `10.1.0.0 up to 10.2.0.0`, the latter excluded. */
  readonly sets: Readonly<Record<string, readonly string[]>>
  readonly unreached: readonly { readonly name: string; readonly reason: string }[]
}

/** The objects that the last state needs in this kernel. */
export function showState(stateDir: string): Shown {
  const state = readDesired(stateDir)
  const route = openBulkNetlink(NETLINK_ROUTE, ownPort(sys.getpid()))
  const facts = readFacts(route, state)
  closeNetlink(route)
  const paths = findPaths(state, facts)
  const { tunnel } = paths
  const objects = peerObjects({ facts, paths }, tunnel && (facts.vxlan?.index ?? 0))
  const sets = state.masquerade.enabled ? wantedSets(state) : []
  return {
    node: { name: state.node.name, addresses: state.node.addresses.map(formatPacked), podCidrs: state.node.podCidrs.map(formatPrefix) },
    peers: state.peers.length,
    routing: state.routing,
    mtu: paths.mtu,
    uplinks: [facts.uplinks[4], facts.uplinks[6]].flatMap((uplink) =>
      uplink ? [{ name: uplink.link.name, address: formatPacked(uplink.address), mtu: uplink.link.mtu }] : [],
    ),
    vxlan: tunnel && {
      name: VXLAN_NAME,
      local: formatPacked(tunnel.local),
      mtu: tunnel.mtu,
      addresses: tunnel.addresses.map(formatPacked),
    },
    routes: [...objects.routes[4], ...objects.routes[6]].map(describeRouteBody),
    forwarding: objects.forwarding.map(describeNeighbourBody),
    neighbours: [...objects.neighbours[4], ...objects.neighbours[6]].map(describeNeighbourBody),
    sets: Object.fromEntries(sets.map(({ name, bounds }) => [name, formatRanges(bounds)])),
    unreached: paths.unreached,
  }
}

/** A range is dumped as its first address and the one behind its last. */
function formatRanges(bounds: readonly Bound[]): string[] {
  return bounds.flatMap((bound, i) => {
    if (bound.endsWith('-')) return []
    const end = bounds[i + 1]
    return [`${formatPacked(bound)} up to ${end === undefined ? 'the end' : formatPacked(end.slice(0, -1))}`]
  })
}
