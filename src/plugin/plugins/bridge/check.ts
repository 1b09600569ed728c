// CHECK and STATUS of `bridge`: look, compare, change nothing.

import { requirePrevResult } from '../../../cni/config.ts'
import { ErrPluginNotAvailable, fail } from '../../../cni/error.ts'
import type { Request, StatusRequest } from '../../../cni/plugin.ts'
import type { Result } from '../../../cni/types.ts'
import { type NetlinkSocket, withNetlink } from '../../../kernel/netlink/socket.ts'
import { readBridgePort } from '../../../kernel/route/bridge.ts'
import { IFF_PROMISC, IFF_UP, NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { findLink, type Link } from '../../../kernel/route/link.ts'
import { findBridge } from '../../link/bridge-device.ts'
import { missingPortVlan } from '../../link/bridge-port.ts'
import { checkPodInterface, ipsOf } from '../../pod/check-pod.ts'
import { checkForwarding } from '../../pod/forwarding.ts'
import { checkGateways, gatewayCidrs } from '../../pod/gateways.ts'
import { withPod } from '../../pod/namespace.ts'
import type { BridgeConfig } from './config.ts'
import { spoofCheck } from './segment.ts'
import { vlanGatewayName } from './vlan-gateway.ts'

export function check(request: Request<BridgeConfig>): void {
  const { config } = request
  const prevResult = requirePrevResult(request, 'CHECK')
  config.ipam?.check(request)
  withNetlink(NETLINK_ROUTE, (route) => {
    const bridge = checkBridge(route, config, prevResult)
    withPod(request.netns, (pod) => {
      const end = checkPodInterface(
        pod,
        { ifname: request.ifname, netns: request.netns, up: !config.disableContainerInterface },
        prevResult,
      )
      checkPort(route, config, bridge, end)
      if (config.macspoofchk) spoofCheck().checkSpoofCheck(request)
    })
    config.masquerade?.check(request, ipsOf(prevResult, request.ifname))
  })
}

/** Ready when IPAM is and no other device has the bridge's name. */
export function status(request: StatusRequest<BridgeConfig>): void {
  const { config } = request
  config.ipam?.status(request)
  withNetlink(NETLINK_ROUTE, (route) => {
    const link = findLink(route, { name: config.bridge })
    if (link && link.kind !== 'bridge') fail(`${config.bridge} exists but is not a bridge`, ErrPluginNotAvailable)
  })
}

function checkBridge(route: NetlinkSocket, config: BridgeConfig, prevResult: Result): Link {
  const bridge = findBridge(route, config.bridge)
  if (!bridge) fail(`bridge ${config.bridge} is missing`)
  if (!(bridge.flags & IFF_UP)) fail(`bridge ${config.bridge} is down`)
  if (config.promisc && !(bridge.flags & IFF_PROMISC)) fail(`bridge ${config.bridge} is not promiscuous`)
  if (config.isGateway && !config.ipam?.needsLink) checkNode(route, config, bridge, prevResult)
  return bridge
}

/** The node has the gateways' addresses, on the bridge or on the gateway interface of the VLAN, and forwards. */
function checkNode(route: NetlinkSocket, config: BridgeConfig, bridge: Link, prevResult: Result): void {
  const ips = prevResult.ips.filter((ip) => prevResult.interfaces[ip.interface ?? -1]?.sandbox)
  const link = config.vlan === 0 ? bridge : findLink(route, { name: vlanGatewayName(config) })
  if (!link) fail(`gateway interface ${vlanGatewayName(config)} is missing`)
  checkGateways(route, link, gatewayCidrs(ips))
  checkForwarding(ips)
}

/** The host's MAC is not compared: udev and systemd may change it, and nothing depends on it. */
function checkPort(route: NetlinkSocket, config: BridgeConfig, bridge: Link, end: Link): void {
  const port = findLink(route, { index: end.peer })
  if (!port) fail(`the host's end #${end.peer} of ${end.name} is missing`)
  if (port.master !== bridge.index) fail(`${port.name} is not a port of ${bridge.name}`)
  if (!(port.flags & IFF_UP)) fail(`${port.name} is down`)
  const { hairpin, isolated } = readBridgePort(port)
  if (hairpin !== config.hairpin) fail(`${port.name} has hairpin ${hairpin}, expected ${config.hairpin}`)
  if (isolated !== config.isolated) fail(`${port.name} has isolation ${isolated}, expected ${config.isolated}`)
  const missing = missingPortVlan(route, port.index, config.vlans)
  if (missing) fail(`${port.name} lacks VLAN ${missing.first}${missing.last > missing.first ? `-${missing.last}` : ''}`)
}
