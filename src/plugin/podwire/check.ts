// CHECK and STATUS of `podwire`: look, compare, change nothing.

import { CniError, ErrInvalidNetworkConfig, ErrPluginNotAvailable } from '../../cni/error.ts'
import type { Request, StatusRequest } from '../../cni/plugin.ts'
import type { Interface, IpConfig, Result } from '../../cni/types.ts'
import { isSysError } from '../../host/error.ts'
import { inNamespace } from '../../kernel/namespace.ts'
import { type NetlinkSocket, withNetlink } from '../../kernel/netlink/socket.ts'
import { listAddresses } from '../../kernel/route/address.ts'
import { IFF_UP, NETLINK_ROUTE } from '../../kernel/route/constants.ts'
import { findLink, type Link } from '../../kernel/route/link.ts'
import { addressFamily } from '../../kernel/route/request.ts'
import { listRoutes } from '../../kernel/route/route.ts'
import { readSysctl } from '../../kernel/sysctl.ts'
import { type Cidr, formatCidr, hostCidr, sameCidr } from '../../net/cidr.ts'
import { forwardingOf, gatewayCidrs } from '../attach.ts'
import { findBridge } from '../bridge/device.ts'
import { checkPodInterface, fail } from '../check-pod.ts'
import { type Pod, withPod } from '../pod-interface.ts'
import { bandwidthRules, hostPortRules } from '../segments.ts'
import type { PodwireConfig } from './config.ts'
import { hostLinkName } from './owner.ts'
import { gatewayRoutes } from './ptp.ts'
import { sysctlPath } from './sysctl-config.ts'

export function check(request: Request<PodwireConfig>): void {
  const { prevResult } = request
  if (!prevResult) throw new CniError(ErrInvalidNetworkConfig, 'prevResult: required for CHECK, but missing')
  request.config.ipam?.check(request)
  withNetlink(NETLINK_ROUTE, (route) => withPod(request.netns, (pod) => checkAttachment(request, pod, route, prevResult)))
}

/** Everything that ADD made, without what IPAM keeps. Throws what is wrong; returns the interfaces that limits on bandwidth have added. */
export function checkAttachment(request: Request<PodwireConfig>, pod: Pod, route: NetlinkSocket, result: Result): Interface[] {
  const { config, ifname, netns } = request
  const end = checkPodInterface(pod, { ifname, netns, up: true }, result)
  const host = findLink(route, { name: hostLinkName(request) })
  if (!host || host.index !== end.peer) fail(`the host's end of ${ifname} is not ${hostLinkName(request)}`)
  if (!(host.flags & IFF_UP)) fail(`${host.name} is down`)
  const ips = result.ips.filter(({ interface: index }) => result.interfaces[index ?? -1]?.name === ifname)
  if (config.datapath === 'bridge') checkPort(route, config, host, ips)
  else checkRoutes(pod, route, host, ips)
  checkForwarding(ips)
  inNamespace(pod.fd, () => {
    for (const sysctl of config.sysctls) {
      const path = sysctlPath(sysctl, ifname)
      if (readSysctl(path) !== sysctl.value) fail(`${path} is ${readSysctl(path) ?? 'missing'}, expected ${sysctl.value}`)
    }
  })
  if (config.hostPorts.length > 0) hostPortRules().checkHostPorts(request, config.hostPorts, ips)
  return config.bandwidth ? bandwidthRules().checkBandwidth(route, host, { ...pod, index: end.index }, request, config.bandwidth) : []
}

/** Ready where IPAM is, and the kernel answers. Only reads: it is asked every few seconds. */
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

/** Of the datapath `ptp`: the host's to the pod, and the pod's to its gateway, which the result does not name. */
function checkRoutes(pod: Pod, route: NetlinkSocket, host: Link, ips: readonly IpConfig[]): void {
  const gateways = gatewayCidrs(ips)
  for (const { address } of ips) {
    const wanted = hostCidr(address.address)
    const present = listRoutes(route, addressFamily(address.address))
    if (!present.some(({ dst, oif }) => oif === host.index && sameCidr(dst, wanted)))
      fail(`the host's route to ${formatCidr(wanted)} is missing`)
  }
  for (const { dst } of gatewayRoutes(ips)) {
    const present = listRoutes(pod.route, addressFamily(dst.address))
    if (!present.some((found) => sameCidr(found.dst, dst))) fail(`the pod's route to ${formatCidr(dst)} is missing`)
  }
  checkGateways(
    route,
    host,
    gateways.map(({ address }) => hostCidr(address)),
  )
}

function checkGateways(route: NetlinkSocket, link: Link, gateways: readonly Cidr[]): void {
  const present = listAddresses(route, link.index)
  for (const gateway of gateways) {
    if (!present.some(({ cidr }) => sameCidr(cidr, gateway))) fail(`${link.name} lacks the gateway ${formatCidr(gateway)}`)
  }
}

function checkForwarding(ips: readonly IpConfig[]): void {
  for (const { address } of gatewayCidrs(ips)) {
    const path = forwardingOf(address.family)
    if (readSysctl(path) !== '1') fail(`${path} is ${readSysctl(path) ?? 'missing'}, expected 1: the node does not forward`)
  }
}
