// ADD of `bridge`: lease (after the pair where DHCP asks for it by that), bridge, pair, addresses, gateway, masquerade; undone in reverse when one of them fails.

import { CniError, ErrTryAgainLater } from '../../../cni/error.ts'
import type { Request } from '../../../cni/plugin.ts'
import { ownInterfaces } from '../../../cni/result.ts'
import type { Interface, IpConfig, Result, Route } from '../../../cni/types.ts'
import { type Undo, withUndo } from '../../../cni/undo.ts'
import { type NetlinkSocket, withNetlink } from '../../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE, RT_TABLE_MAIN } from '../../../kernel/route/constants.ts'
import { findLink, type Link, removeLink } from '../../../kernel/route/link.ts'
import { parseAddress } from '../../../net/address.ts'
import { type Cidr, isDefaultRoute } from '../../../net/cidr.ts'
import { formatMac } from '../../../net/mac.ts'
import { ensureBridge, ensureGateways } from '../../link/bridge-device.ts'
import { addPort, portAlias, setPortVlans } from '../../link/bridge-port.ts'
import { ensureSubnetRoutes } from '../../link/subnet-routes.ts'
import { awaitUp } from '../../link/wait-up.ts'
import { enableForwarding, gatewayCidrs, podEndMac, podMac, takeLease, withGateways } from '../../pod/attach.ts'
import { requireOnLink } from '../../pod/lease-problems.ts'
import { configurePod, type Pod, podRoutes, requireFreeName, withPod } from '../../pod/pod-interface.ts'
import type { BridgeConfig } from './config.ts'
import { spoofCheck } from './segment.ts'
import { ensureVlanGateway } from './vlan-gateway.ts'

/** How often a bridge that vanishes is made again. */
const JOIN_TRIES = 5

export function add(request: Request<BridgeConfig>): Result {
  return withPod(request.netns, (pod) => {
    requireFreeName(pod, request.ifname, request.netns)
    return withNetlink(NETLINK_ROUTE, (route) => withUndo((undo) => attach(request, pod, route, undo)))
  })
}

function attach(request: Request<BridgeConfig>, pod: Pod, route: NetlinkSocket, undo: Undo): Result {
  const { config, ifname } = request
  const early = config.leaseNeedsLink ? joinBridge(request, pod, route, [], [], undo) : undefined
  if (early) setPortVlans(route, early.port.index, config.vlans, config.preserveDefaultVlan)
  const lease = takeLease(request, config.ipam, pod, undo, config.leaseNeedsLink)
  const ips = withGateways(lease.ips, config.isGateway, 2)
  const wanted = withDefaultRoutes(lease.routes, ips, config)
  requireOnLink(ips, wanted)
  const gateways = config.isGateway ? gatewayCidrs(ips) : []
  // The gateway of DHCP is another machine: with its address the bridge would cut the wire off from it.
  const ours = config.leaseNeedsLink ? [] : gateways
  const ownGateways = config.vlan === 0 ? ours : []

  const { bridge, port } = early ?? joinBridge(request, pod, route, ips, ownGateways, undo)
  if (!early) setPortVlans(route, port.index, config.vlans, config.preserveDefaultVlan)
  const mac = (early ? config.mac : podMac(config.mac, ips)) ?? podEndMac(pod, port)
  if (config.macspoofchk) {
    undo('remove the MAC spoof check', () => spoofCheck().removeSpoofCheck(request))
    spoofCheck().addSpoofCheck(request, port.name, mac)
  }
  const routes = podRoutes(pod, ifname, wanted, ips)
  configurePod(pod, { index: port.peer, ifname, ips, routes, enabledad: config.enabledad, up: !config.disableContainerInterface })

  if (config.masquerade) {
    const { masquerade } = config
    undo('remove the masquerade', () => masquerade.remove(request))
    masquerade.add(request, ips)
  }
  // As late as can be: the address is every pod's, another one may rely on it as soon as it is there.
  ensureGateways(route, bridge, ownGateways, config.forceAddress, undo)
  const vlanGateway = ours.length > 0 && config.vlan !== 0 ? ensureVlanGateway(route, bridge, config) : undefined
  if (vlanGateway) ensureGateways(route, vlanGateway, ours, config.forceAddress, undo)
  if (ours.length > 0) ensureSubnetRoutes(route, vlanGateway ?? bridge, ips, undo)
  // Not undone, so after what may fail.
  enableForwarding(route, gateways)
  const up = config.disableContainerInterface ? port : awaitUp(route, port)
  if (up.master !== bridge.index) throw new CniError(ErrTryAgainLater, `bridge ${bridge.name} was removed while the pod was attached to it`)

  const describe = ({ name, mac, mtu }: Link): Interface => ({ name, mac: formatMac(mac), mtu })
  const end = { ...describe({ ...port, name: ifname, mac }), sandbox: request.netns }
  const made = [describe(bridge), describe(up), end, ...(vlanGateway ? [describe(vlanGateway)] : [])]
  return { interfaces: ownInterfaces(request.cniVersion, made), ips, routes, dns: config.dns ?? lease.dns }
}

/** isDefaultGateway: one default route a family, where IPAM has none in the main table that names a gateway. */
function withDefaultRoutes(routes: readonly Route[], ips: readonly IpConfig[], config: BridgeConfig): Route[] {
  if (!config.isDefaultGateway) return [...routes]
  const all = [...routes]
  for (const { address, gateway } of ips) {
    const family = address.address.family
    const isDefault = ({ dst, gw, table }: Route) => gw && isDefaultRoute(dst) && (table || RT_TABLE_MAIN) === RT_TABLE_MAIN
    if (all.some((route) => isDefault(route) && route.dst.address.family === family)) continue
    all.push({ dst: { address: parseAddress(family === 4 ? '0.0.0.0' : '::'), length: 0 }, gw: gateway })
  }
  return all
}

/** The bridge and a port of it. A failing ADD takes the bridge away that it made: where that comes between our finding and our joining it, once more. */
function joinBridge(
  request: Request<BridgeConfig>,
  pod: Pod,
  route: NetlinkSocket,
  ips: readonly IpConfig[],
  gateways: readonly Cidr[],
  undo: Undo,
): { bridge: Link; port: Link } {
  for (let attempt = 1; ; attempt++) {
    const bridge = ensureBridge(route, request.config, gateways, undo)
    try {
      const port = addPodPort(request, pod, route, bridge, ips)
      undo('delete the veth pair', () => removeLink(route, { index: port.index }))
      return { bridge, port }
    } catch (error) {
      requireFreeName(pod, request.ifname, request.netns)
      if (attempt === JOIN_TRIES || findLink(route, { index: bridge.index })) throw error
    }
  }
}

function addPodPort(request: Request<BridgeConfig>, pod: Pod, route: NetlinkSocket, bridge: Link, ips: readonly IpConfig[]): Link {
  const { config, ifname } = request
  return addPort(route, {
    bridge,
    pod: { name: ifname, netns: pod.fd, mtu: config.mtu, mac: podMac(config.mac, ips) },
    alias: portAlias(request),
    hairpin: config.hairpin,
    isolated: config.isolated,
  })
}
