// ADD of `podwire`: lease, pair, addresses, routes, host ports, bandwidth in one process; undone in reverse when one of them fails.

import type { Request } from '../../../cni/plugin.ts'
import { ownInterfaces } from '../../../cni/result.ts'
import type { Interface, Result } from '../../../cni/types.ts'
import { type Undo, withUndo } from '../../../cni/undo.ts'
import { log } from '../../../host/log.ts'
import { inNamespace } from '../../../kernel/namespace.ts'
import { type NetlinkSocket, withNetlink } from '../../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { findLink, type Link, removeLink } from '../../../kernel/route/link.ts'
import { ensureSysctl } from '../../../kernel/sysctl.ts'
import { formatMac } from '../../../net/mac.ts'
import { hostPortRules } from '../../host-ports/segment.ts'
import { findBridge } from '../../link/bridge-device.ts'
import { defaultMtu } from '../../link/mtu.ts'
import { freeName } from '../../link/own-links.ts'
import { hostLinkAlias, hostLinkName, isOwnAlias } from '../../link/owner.ts'
import { addPair, gatewayRoutes, routeToPod } from '../../link/point-to-point.ts'
import { awaitUp } from '../../link/wait-up.ts'
import { enableForwarding, gatewayCidrs, podEndMac, podMac, takeLease, withGateways } from '../../pod/attach.ts'
import { requireOnLink } from '../../pod/lease-problems.ts'
import { lockPod } from '../../pod/lock.ts'
import { configurePod, nameTaken, type Pod, podRoutes, withPod } from '../../pod/pod-interface.ts'
import { type Sysctl, sysctlPath } from '../../pod/sysctl-config.ts'
import { joinBridge } from './bridge.ts'
import { checkAttachment } from './check.ts'
import type { PodwireConfig } from './config.ts'
import { bandwidthRules } from './segment.ts'

export function add(request: Request<PodwireConfig>): Result {
  return withPod(request.netns, (pod) => {
    lockPod(pod, request.netns)
    return withNetlink(NETLINK_ROUTE, (route) => {
      return repeat(request, pod, route) ?? withUndo((undo) => attach(request, pod, route, undo))
    })
  })
}

/**
 * The result of an ADD that has been done already: a runtime that did not hear the answer asks again. What is only half there is taken away first.
 * An interface of that name that is not ours is an error, as the specification says.
 */
function repeat(request: Request<PodwireConfig>, pod: Pod, route: NetlinkSocket): Result | undefined {
  const { config, ifname, netns } = request
  const end = findLink(pod.route, { name: ifname })
  if (!end) return undefined
  const host = findLink(route, { name: hostLinkName(request) })
  if (host?.index !== end.peer || end.kind !== 'veth' || !isOwnAlias(host.alias, request)) throw nameTaken(ifname, netns)
  const lease = config.ipam?.add(request)
  const ips = withGateways(lease?.ips ?? [], true, 1)
  const bridge = config.datapath === 'bridge' ? findBridge(route, config.bridge) : undefined
  const made = [...describe(host, ifname, formatMac(end.mac), netns), ...(bridge ? [describeBridge(bridge)] : [])]
  const routes = podRoutes(pod, ifname, lease?.routes ?? [], ips)
  const result = { interfaces: made, ips, routes, dns: config.dns ?? lease?.dns ?? {} }
  try {
    const shaped = checkAttachment(request, pod, route, result)
    return { ...result, interfaces: ownInterfaces(request.cniVersion, [...made, ...shaped]) }
  } catch (error) {
    log.warn('incomplete attachment found, recreating it', { ifname, netns, error: String(error) })
    removeLink(route, { index: host.index })
    return undefined
  }
}

function attach(request: Request<PodwireConfig>, pod: Pod, route: NetlinkSocket, undo: Undo): Result {
  const { config, ifname, netns } = request
  const lease = takeLease(request, config.ipam, pod, undo)
  const ips = withGateways(lease.ips, true, 1)
  if (config.datapath === 'bridge') requireOnLink(ips, lease.routes)
  const mtu = config.mtu || defaultMtu(route)
  const podEnd = { name: ifname, netns: pod.fd, mtu, mac: podMac(config.mac, ips) }
  const hostEnd = { name: hostLinkName(request), mtu, alias: hostLinkAlias(request, config.pod) }
  // A pair of that name whose other end is in no pod that asks: what an ADD that was killed has left.
  freeName(route, hostEnd.name, request)

  const { bridge, host } =
    config.datapath === 'bridge'
      ? joinBridge(route, config.bridge, hostEnd, podEnd, ips)
      : { bridge: undefined, host: addPair(route, hostEnd, podEnd) }
  undo('delete the veth pair', () => removeLink(route, { index: host.index }))
  // Before the pod's end: while this one is down no neighbour solicitation is heard, and duplicate address detection does not finish.
  if (config.datapath === 'ptp') routeToPod(route, host, ips)
  const routes = podRoutes(pod, ifname, lease.routes, ips)
  configurePod(pod, {
    index: host.peer,
    ifname,
    ips,
    routes,
    ...(config.datapath === 'ptp' && { own: gatewayRoutes(ips, config.enabledad) }),
    enabledad: config.enabledad,
    up: true,
  })
  if (config.sysctls.length > 0) setSysctls(pod, config.sysctls, ifname)

  if (config.hostPorts.length > 0) {
    undo('remove the host ports', () => hostPortRules().removeHostPorts(request))
    hostPortRules().addHostPorts(request, config.pod || request.containerId, config.hostPorts, ips)
  }
  const shaped: Interface[] = []
  if (config.bandwidth) {
    shaped.push(...bandwidthRules().addBandwidth(route, host, { ...pod, index: host.peer }, request, config.bandwidth))
    // Where it fails it leaves nothing, and a device of the IFB's name may be another's.
    undo('remove the bandwidth limits', () => bandwidthRules().removeBandwidth(route, request))
  }
  // Not undone, so after what may fail.
  enableForwarding(route, gatewayCidrs(ips))
  awaitUp(route, host)
  const mac = formatMac(podEnd.mac ?? podEndMac(pod, host))
  const made = [...describe(host, ifname, mac, netns), ...(bridge ? [describeBridge(bridge)] : []), ...shaped]
  return {
    interfaces: ownInterfaces(request.cniVersion, made),
    ips,
    routes,
    dns: config.dns ?? lease.dns,
  }
}

function setSysctls(pod: Pod, sysctls: readonly Sysctl[], ifname: string): void {
  inNamespace(pod.fd, () => {
    for (const sysctl of sysctls) ensureSysctl(sysctlPath(sysctl, ifname), sysctl.value)
  })
}

/** The pod's interface is the second: that is the index of its addresses. */
function describe(host: Link, ifname: string, mac: string, sandbox: string): Interface[] {
  return [
    { name: host.name, mac: formatMac(host.mac), mtu: host.mtu },
    { name: ifname, mac, mtu: host.mtu, sandbox },
  ]
}

function describeBridge(bridge: Link): Interface {
  return { name: bridge.name, mac: formatMac(bridge.mac), mtu: bridge.mtu }
}
