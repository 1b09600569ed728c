// `podwire routes` and `podwire masq`: the node's part of the cluster network, actual and desired.

import { isObject, parseJson } from '../cni/json.ts'
import { ROUTE_PROTOCOL } from '../contract/marks.ts'
import { AF_INET, AF_INET6 } from '../host/socket.ts'
import { withNetlink } from '../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../kernel/route/constants.ts'
import { listLinks } from '../kernel/route/link.ts'
import { listRoutes } from '../kernel/route/route.ts'
import { formatAddress } from '../net/address.ts'
import { formatCidr } from '../net/cidr.ts'
import { readDesiredText } from '../node/desired-file.ts'
import { showState } from '../node/show.ts'
import type { Flag } from './args.ts'
import { runDiff } from './node.ts'
import { formatTable, print, printJson } from './output.ts'
import { DONE, outputFlag, pathsFrom, stateDirFlag, type Verb, wantsJson } from './verb.ts'

const diffFlag: Flag = { name: 'diff', about: 'only what is missing, stale or different; exit status 1 where there is any' }

export const routesVerb: Verb = {
  name: 'routes',
  about: 'the routes to the other nodes',
  flags: [stateDirFlag, diffFlag, outputFlag],
  run: (given) => {
    if (given.has('diff'))
      return runDiff(given, ({ kind }) => kind === 'routes' || kind === 'fdb' || kind === 'neighbours' || kind === 'links')
    const names = peerNames(pathsFrom(given).stateDir)
    const routes = readRoutes().map((route) => ({ ...route, node: names.get(route.destination) ?? '' }))
    if (wantsJson(given)) printJson(routes)
    else {
      const rows = routes.map(({ destination, gateway, device, mtu, node }) => [destination, gateway, device, mtu || '', node])
      print(formatTable(['DESTINATION', 'GATEWAY', 'DEVICE', 'MTU', 'NODE'], rows, 'no routes to other nodes'))
    }
    return DONE
  },
}

function readRoutes() {
  return withNetlink(NETLINK_ROUTE, (socket) => {
    const devices = new Map(listLinks(socket).map(({ index, name }) => [index, name]))
    const all = [AF_INET, AF_INET6].flatMap((family) => listRoutes(socket, family))
    const own = all.filter(({ protocol }) => protocol === ROUTE_PROTOCOL)
    return own.map(({ dst, gateway, oif, mtu }) => ({
      destination: formatCidr(dst),
      gateway: gateway ? formatAddress(gateway) : '',
      device: devices.get(oif ?? 0) ?? '',
      mtu: mtu ?? 0,
    }))
  })
}

/** The Node of a podCIDR, by the last state. */
function peerNames(stateDir: string): Map<string, string> {
  const state = parseJson(readDesiredText(stateDir) ?? '{}', 'the last state')
  const peers = isObject(state) && Array.isArray(state.peers) ? state.peers.filter(isObject) : []
  return new Map(
    peers.flatMap(({ name, podCidrs }) =>
      Array.isArray(podCidrs) ? podCidrs.map((cidr): [string, string] => [String(cidr), String(name)]) : [],
    ),
  )
}

export const masqVerb: Verb = {
  name: 'masq',
  about: "which packets of pods get this node's address",
  flags: [stateDirFlag, diffFlag, outputFlag],
  run: (given) => {
    if (given.has('diff')) return runDiff(given, ({ kind }) => kind === 'nft')
    const { node, sets } = showState(pathsFrom(given).stateDir)
    if (wantsJson(given)) printJson({ enabled: Object.keys(sets).length > 0, sets })
    else if (Object.keys(sets).length === 0) print(`off: packets of ${node.name}'s pods keep their source address`)
    else {
      print('packets from pods* to anything outside exempt* get the address of this node')
      const rows = Object.entries(sets).flatMap(([name, ranges]) => ranges.map((range) => [name, range]))
      print(formatTable(['SET', 'RANGE'], rows, 'no ranges'))
    }
    return DONE
  },
}
