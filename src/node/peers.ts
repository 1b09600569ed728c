// Routes, neighbours and forwarding entries: as many as there are peers.

import { ROUTE_PROTOCOL } from '../contract/marks.ts'
import { EEXIST, ENOENT, ESRCH } from '../host/errno.ts'
import { sys } from '../host/sys.ts'
import { type BodyRequest, sendBodies } from '../kernel/netlink/bulk.ts'
import type { Body } from '../kernel/netlink/hex.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import {
  deleteNeighbour,
  describeNeighbourBody,
  dumpForwarding,
  dumpNeighbours,
  forwardingBody,
  neighbourBody,
  neighbourKey,
  putNeighbour,
} from '../kernel/route/neighbour-body.ts'
import {
  canonicalRoute,
  createRoute,
  deleteRoute,
  describeRouteBody,
  dumpRoutes,
  replaceRoute,
  routeBody,
  routeKey,
} from '../kernel/route/route-body.ts'
import { packedFamily } from '../net/packed.ts'
import { type Difference, differ } from './diff.ts'
import type { Pass } from './pass.ts'
import type { Paths } from './paths.ts'
import { type Action, noteChange, noteFailure } from './report.ts'
import { vtepGateway } from './vtep.ts'

/** What leads to the peers in the desired state. */
export interface PeerObjects {
  readonly routes: Readonly<Record<4 | 6, Body[]>>
  readonly forwarding: Body[]
  readonly neighbours: Readonly<Record<4 | 6, Body[]>>
}

const FAMILIES = [4, 6] as const

/** The objects of all paths; those through VXLAN only where its device has an index. Pure. */
export function peerObjects({ facts, paths }: Pick<Pass, 'facts' | 'paths'>, vxlan: number | undefined): PeerObjects {
  const routes: Record<4 | 6, Body[]> = { 4: [], 6: [] }
  const neighbours: Record<4 | 6, Body[]> = { 4: [], 6: [] }
  const forwarding: Body[] = []
  for (const family of FAMILIES) {
    const oif = facts.uplinks[family]?.link.index
    if (oif === undefined) continue
    const route = routeBody({ family, protocol: ROUTE_PROTOCOL, oif, onlink: false, src: undefined })
    for (const { subnet, gateway } of paths.direct[family]) routes[family].push(route(subnet, gateway))
  }
  if (vxlan === undefined || !paths.tunnel) return { routes, forwarding, neighbours }
  const forward = forwardingBody(paths.tunnel.underlay, vxlan)
  const neighbour = { 4: neighbourBody(4, vxlan), 6: neighbourBody(6, vxlan) }
  const route = { 4: tunnelRoute(paths, 4, vxlan), 6: tunnelRoute(paths, 6, vxlan) }
  for (const { mac, remote, subnets } of paths.tunnels) {
    forwarding.push(forward(mac, remote))
    let gateway: string | undefined
    for (const subnet of subnets) {
      const { first } = subnet
      if (packedFamily(first) === 4) {
        neighbours[4].push(neighbour[4](first, mac))
        routes[4].push(route[4](subnet, first))
        continue
      }
      if (gateway === undefined) {
        gateway = vtepGateway(mac)
        neighbours[6].push(neighbour[6](gateway, mac))
      }
      routes[6].push(route[6](subnet, gateway))
    }
  }
  return { routes, forwarding, neighbours }
}

/** The node's own packets have its pods' first address as their source: replies to that come back through the tunnel. */
function tunnelRoute({ tunnel }: Paths, family: 4 | 6, oif: number) {
  const src = tunnel?.addresses.find((address) => packedFamily(address) === family)
  return routeBody({ family, protocol: ROUTE_PROTOCOL, oif, onlink: family === 4, src })
}

/** Adds the objects, neighbours before routes, without a dump; returns how many the kernel accepted. An existing route stays. */
export function addPeerObjects(socket: NetlinkSocket, { forwarding, neighbours, routes }: PeerObjects): number {
  const all: readonly (readonly [Bulk, readonly Body[]])[] = [
    ['fdb', forwarding],
    ['neighbours', [...neighbours[4], ...neighbours[6]]],
    ['routes', [...routes[4], ...routes[6]]],
  ]
  const requests = all.flatMap(([kind, bodies]) => bodies.map(REQUESTS[kind].added))
  return requests.length - sendBodies(socket, requests).length
}

/** How many routes there are in the end, and the requests that remove the stale ones. */
export interface Synced {
  readonly actual: number
  readonly sweep: () => void
}

/** Adds and replaces what the peers need, neighbours before routes; `sweep` removes the stale rest. */
export function syncPeers(pass: Pass, wanted: PeerObjects, vxlan: number | undefined): Synced {
  const { route: socket, dryRun, paths } = pass
  const sweeps: (() => void)[] = []
  const sync = (kind: Bulk, difference: Difference): void => {
    if (dryRun) {
      noteAll(pass, kind, difference)
      return
    }
    put(pass, kind, 'added', difference.add)
    put(pass, kind, 'replaced', difference.replace)
    sweeps.unshift(() => put(pass, kind, 'removed', difference.remove))
  }
  if (vxlan && paths.tunnel) {
    sync('fdb', differ(wanted.forwarding, dumpForwarding(socket, paths.tunnel.underlay, vxlan), neighbourKey))
    for (const family of FAMILIES)
      sync('neighbours', differ(wanted.neighbours[family], dumpNeighbours(socket, family, vxlan), neighbourKey))
  }
  let actual = 0
  for (const family of FAMILIES) {
    const found = dumpRoutes(socket, family, ROUTE_PROTOCOL)
    const difference = differ(wanted.routes[family], found, routeKey, canonicalRoute)
    const failed = pass.log.failed
    sync('routes', difference)
    actual += dryRun ? found.length : wanted.routes[family].length - (pass.log.failed - failed)
  }
  return {
    actual,
    sweep: () => {
      for (const sweep of sweeps) sweep()
    },
  }
}

type Bulk = 'routes' | 'fdb' | 'neighbours'

const NOUN = { routes: 'route', fdb: 'fdb', neighbours: 'neighbour' } as const

const neighbourRequests = { added: putNeighbour, replaced: putNeighbour, removed: deleteNeighbour }

/** A route is added only where there is none: an unmanaged one to the same prefix stays. On podwire's own device every entry is podwire's. */
const REQUESTS: Readonly<Record<Bulk, Readonly<Record<Action, (body: Body) => BodyRequest>>>> = {
  routes: { added: createRoute, replaced: replaceRoute, removed: deleteRoute },
  fdb: neighbourRequests,
  neighbours: neighbourRequests,
}

function put({ route, log }: Pass, kind: Bulk, action: Action, bodies: readonly Body[]): void {
  if (bodies.length === 0) return
  const requests = bodies.map(REQUESTS[kind][action])
  let rejected = 0
  for (const { index, errno, detail } of sendBodies(route, requests)) {
    // Removed already, with its device or by another program.
    if (action === 'removed' && (errno === ENOENT || errno === ESRCH)) continue
    rejected++
    const object = describe(kind, bodies[index] ?? '')
    const taken = kind === 'routes' && errno === EEXIST
    const message = taken
      ? 'cannot add it: another program has a route to this prefix; delete that one'
      : `${sys.strerror(errno)}${detail && ` (${detail})`}`
    noteFailure(log, taken ? 'route-taken' : NOUN[kind], object, message)
  }
  log.changed[kind][action] += bodies.length - rejected
}

function noteAll({ log }: Pass, kind: Bulk, { add, replace, remove }: Difference): void {
  for (const body of add) noteChange(log, kind, 'added', () => describe(kind, body))
  for (const body of replace) noteChange(log, kind, 'replaced', () => describe(kind, body))
  for (const body of remove) noteChange(log, kind, 'removed', () => describe(kind, body))
}

function describe(kind: Bulk, body: Body): string {
  return kind === 'routes' ? describeRouteBody(body) : describeNeighbourBody(body)
}
