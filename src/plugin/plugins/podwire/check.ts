// CHECK and STATUS of `podwire`: look, compare, change nothing.

import { requirePrevResult } from '../../../cni/config.ts'
import { CniError, ErrPluginNotAvailable, fail } from '../../../cni/error.ts'
import type { Request, StatusRequest } from '../../../cni/plugin.ts'
import type { Interface, IpConfig, Result } from '../../../cni/types.ts'
import { isSysError } from '../../../host/error.ts'
import { inNamespace } from '../../../kernel/namespace.ts'
import { type NetlinkSocket, withNetlink } from '../../../kernel/netlink/socket.ts'
import { IFF_UP, NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { findLink, type Link } from '../../../kernel/route/link.ts'
import { readSysctl } from '../../../kernel/sysctl.ts'
import { hostPortRules } from '../../host-ports/segment.ts'
import { findBridge } from '../../link/bridge-device.ts'
import { hostLinkName } from '../../link/owner.ts'
import { checkPointToPoint } from '../../link/point-to-point.ts'
import { checkPodInterface, ipsOf } from '../../pod/check-pod.ts'
import { checkForwarding } from '../../pod/forwarding.ts'
import { checkGateways, gatewayCidrs } from '../../pod/gateways.ts'
import { type Pod, withPod } from '../../pod/namespace.ts'
import { sysctlPath } from '../../pod/sysctl-config.ts'
import type { PodwireConfig } from './config.ts'

export function check(request: Request<PodwireConfig>): void {
  const prevResult = requirePrevResult(request, 'CHECK')
  request.config.ipam?.check(request)
  withNetlink(NETLINK_ROUTE, (route) => withPod(request.netns, (pod) => checkAttachment(request, pod, route, prevResult)))
}

/** Checks everything that ADD made but the lease. Throws what is wrong; returns the interfaces that bandwidth limits have added. */
export function checkAttachment(request: Request<PodwireConfig>, pod: Pod, route: NetlinkSocket, result: Result): Interface[] {
  const { config, ifname, netns } = request
  const end = checkPodInterface(pod, { ifname, netns, up: true }, result)
  const host = findLink(route, { name: hostLinkName(request) })
  if (!host || host.index !== end.peer) fail(`the host's end of ${ifname} is not ${hostLinkName(request)}`)
  if (!(host.flags & IFF_UP)) fail(`${host.name} is down`)
  const ips = ipsOf(result, ifname)
  if (config.datapath === 'bridge') checkPort(route, config, host, ips)
  else checkPointToPoint(pod, route, host, ips)
  checkForwarding(ips)
  inNamespace(pod.fd, () => {
    for (const sysctl of config.sysctls) {
      const path = sysctlPath(sysctl, ifname)
      if (readSysctl(path) !== sysctl.value) fail(`${path} is ${readSysctl(path) ?? 'missing'}, expected ${sysctl.value}`)
    }
  })
  if (config.hostPorts.length > 0) hostPortRules().checkHostPorts(request, config.hostPorts, ips)
  return config.limits?.check(route, host, { ...pod, index: end.index }, request) ?? []
}

/** Ready where IPAM is, and the kernel answers. Only reads: it is called every few seconds. */
export function status(request: StatusRequest<PodwireConfig>): void {
  const { config } = request
  if (!config.ipam) throw new CniError(ErrPluginNotAvailable, 'the node has no IP ranges yet')
  config.ipam.status(request)
  withNetlink(NETLINK_ROUTE, (route) => {
    try {
      if (config.datapath === 'bridge') findBridge(route, config.bridge)
      findLink(route, { name: 'lo' })
    } catch (error) {
      if (!isSysError(error) && !(error instanceof CniError)) throw error
      throw new CniError(ErrPluginNotAvailable, error.message)
    }
  })
}

function checkPort(route: NetlinkSocket, config: PodwireConfig, host: Link, ips: readonly IpConfig[]): void {
  const bridge = findBridge(route, config.bridge)
  if (!bridge) fail(`bridge ${config.bridge} is missing`)
  if (!(bridge.flags & IFF_UP)) fail(`bridge ${config.bridge} is down`)
  if (host.master !== bridge.index) fail(`${host.name} is not a port of ${bridge.name}`)
  checkGateways(route, bridge, gatewayCidrs(ips))
}
