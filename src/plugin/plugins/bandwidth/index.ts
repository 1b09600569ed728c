// The plugin `bandwidth`: limits a pod that another plugin has attached with a pair of veth. Chained behind it.

import { requirePrevResult } from '../../../cni/config.ts'
import { CniError, ErrPluginNotAvailable } from '../../../cni/error.ts'
import { definePlugin, type GcRequest, type Request } from '../../../cni/plugin.ts'
import { ownInterfaces } from '../../../cni/result.ts'
import { cniVersions, type Result } from '../../../cni/types.ts'
import { ALIAS_PREFIX } from '../../../contract/marks.ts'
import { isSysError } from '../../../host/error.ts'
import { log } from '../../../host/log.ts'
import { type NetlinkSocket, withNetlink } from '../../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { listLinks } from '../../../kernel/route/link.ts'
import { removeLinks } from '../../../kernel/route/link-group.ts'
import { findRootQdisc } from '../../../kernel/tc/qdisc.ts'
import { staleAliases } from '../../link/owner.ts'
import { withPod } from '../../pod/namespace.ts'
import { type Bandwidth, readChainedBandwidth } from '../../shaping/bandwidth-config.ts'
import { referenceBuckets } from '../../shaping/bucket.ts'
import { addBandwidth, checkBandwidth } from '../../shaping/limit.ts'
import { dropInVersion } from '../../version.ts'
import { findOwnIfb, planIfb, removeIfbs } from './ifb.ts'
import { findPair, type Pair } from './pair.ts'

export const program = definePlugin({
  name: 'bandwidth',
  version: dropInVersion,
  supports: cniVersions,
  config: readChainedBandwidth,
  add,
  del: (request) => withNetlink(NETLINK_ROUTE, (route) => removeIfbs(route, request)),
  check,
  gc,
  status,
})

const LOOPBACK = 1

function add(request: Request<Bandwidth>): Result {
  const { config } = request
  const prevResult = requirePrevResult(request, 'ADD')
  if (!config.ingress && !config.egress) return prevResult
  return withPair(request, prevResult, (route, { host, pod }) => {
    const made = addBandwidth(config, route, host, pod, request, () => planIfb(route, host, request))
    if (made.length === 0) return prevResult
    const others = prevResult.interfaces.filter(({ name, sandbox }) => sandbox || made.every((ifb) => ifb.name !== name))
    return { ...prevResult, interfaces: [...others, ...ownInterfaces(request.cniVersion, made)] }
  })
}

/** Accepts what the reference plugin has set, too. */
function check(request: Request<Bandwidth>): void {
  const { config } = request
  const prevResult = requirePrevResult(request, 'CHECK')
  if (!config.ingress && !config.egress) return
  withPair(request, prevResult, (route, { host, pod }) => {
    checkBandwidth(config, route, host, pod, request, () => findOwnIfb(route, request), referenceBuckets)
  })
}

/** Removes the IFBs of this network that belong to no valid attachment. Those of the reference plugin have no alias, and so no network: they stay. */
function gc({ network, valid }: GcRequest<Bandwidth>): void {
  if (!valid) return
  const isStale = staleAliases(network, valid)
  withNetlink(NETLINK_ROUTE, (route) => {
    const stale = listLinks(route, [ALIAS_PREFIX]).filter(({ kind, alias }) => kind === 'ifb' && isStale(alias))
    for (const { name, alias } of stale) log.info('deleting a stale IFB', { name, alias })
    removeLinks(route, stale)
  })
}

/** Reads a qdisc, which fails on a kernel without traffic control. */
function status(): void {
  try {
    withNetlink(NETLINK_ROUTE, (route) => findRootQdisc(route, LOOPBACK))
  } catch (error) {
    if (!isSysError(error)) throw error
    throw new CniError(ErrPluginNotAvailable, `the kernel has no traffic control: ${error.message}`)
  }
}

function withPair<T>(request: Request<Bandwidth>, prevResult: Result, body: (route: NetlinkSocket, pair: Pair) => T): T {
  return withNetlink(NETLINK_ROUTE, (route) => withPod(request.netns, (pod) => body(route, findPair(route, pod, request, prevResult))))
}
