// ADD of `bridge`: a pair whose host end is a port of the bridge, and the gateway's address on the bridge.

import { CniError, ErrTryAgainLater } from '../../../cni/error.ts'
import type { Request } from '../../../cni/plugin.ts'
import type { Interface, IpConfig, Result } from '../../../cni/types.ts'
import { findLink, type Link, removeLink } from '../../../kernel/route/link.ts'
import type { Cidr } from '../../../net/cidr.ts'
import type { Mac } from '../../../net/mac.ts'
import { ensureBridge, ensureGateways } from '../../link/bridge-device.ts'
import { addPort, portAlias, setPortVlans } from '../../link/bridge-port.ts'
import { ensureSubnetRoutes } from '../../link/subnet-routes.ts'
import { awaitUp } from '../../link/wait-up.ts'
import { type Attaching, attachPod, describeLink, type MadeLink } from '../../pod/attach.ts'
import { enableForwarding } from '../../pod/forwarding.ts'
import { gatewayCidrs } from '../../pod/gateways.ts'
import { podEndMac, podMac } from '../../pod/mac.ts'
import { requireFreeName } from '../../pod/namespace.ts'
import type { BridgeConfig } from './config.ts'
import { plan } from './plan.ts'
import { spoofCheck } from './segment.ts'
import { ensureVlanGateway } from './vlan-gateway.ts'

interface Port extends MadeLink {
  readonly bridge: Link
  readonly port: Link
  /** undefined: the kernel's choice. */
  readonly mac: Mac | undefined
}

/** How often a bridge that vanishes is made again. */
const JOIN_TRIES = 5

export const add = (request: Request<BridgeConfig>): Result => attachPod(request, { plan, makeLink, finish })

function makeLink(attaching: Attaching<BridgeConfig>, ips: readonly IpConfig[]): Port {
  const { request, pod, route, undo } = attaching
  const { config } = request
  const { bridge, port } = joinBridge(attaching, ips)
  setPortVlans(route, port.index, config.vlans, config.preserveDefaultVlan)
  const mac = podMac(config.mac, ips)
  if (config.macspoofchk) {
    undo('remove the MAC spoof check', () => spoofCheck().removeSpoofCheck(request))
    spoofCheck().addSpoofCheck(request, port.name, mac ?? podEndMac(pod, port))
  }
  return { bridge, port, mac, podEnd: { index: port.peer, enabledad: config.enabledad, up: !config.disableContainerInterface } }
}

function finish(
  { request, pod, route, undo }: Attaching<BridgeConfig>,
  { bridge, port, mac }: Port,
  ips: readonly IpConfig[],
): Interface[] {
  const { config, ifname, netns } = request
  if (config.masquerade) {
    const { masquerade } = config
    undo('remove the masquerade', () => masquerade.remove(request))
    masquerade.add(request, ips)
  }
  const gateways = ownGateways(config, ips)
  const vlanGateway = gateways.length > 0 && config.vlan !== 0 ? ensureVlanGateway(route, bridge, config) : undefined
  if (gateways.length > 0) {
    // As late as possible: the address is every pod's, and another pod may use it at once.
    ensureGateways(route, vlanGateway ?? bridge, gateways, config.forceAddress, undo)
    ensureSubnetRoutes(route, vlanGateway ?? bridge, ips, undo)
  }
  // Not undone, so after what may fail.
  if (config.isGateway) enableForwarding(route, gatewayCidrs(ips))
  const up = config.disableContainerInterface ? port : awaitUp(route, port)
  if (up.master !== bridge.index) throw new CniError(ErrTryAgainLater, `bridge ${bridge.name} was removed while the pod was attached to it`)
  const podEnd = describeLink({ name: ifname, mac: mac ?? podEndMac(pod, port), mtu: port.mtu }, netns)
  return [describeLink(bridge), describeLink(up), podEnd, ...(vlanGateway ? [describeLink(vlanGateway)] : [])]
}

/** The gateways whose addresses the node gets. That of DHCP is another machine: with its address the bridge would cut the wire off from it. */
function ownGateways({ isGateway, ipam }: BridgeConfig, ips: readonly IpConfig[]): Cidr[] {
  return isGateway && !ipam?.needsLink ? gatewayCidrs(ips) : []
}

/** The bridge and a port of it. A failing ADD removes the bridge that it made: where that happens between finding and joining it, once more. */
function joinBridge({ request, pod, route, undo }: Attaching<BridgeConfig>, ips: readonly IpConfig[]): { bridge: Link; port: Link } {
  const { config, ifname, netns } = request
  const gateways = config.vlan === 0 ? ownGateways(config, ips) : []
  for (let attempt = 1; ; attempt++) {
    const bridge = ensureBridge(route, config, gateways, undo)
    try {
      const port = addPort(route, {
        bridge,
        pod: { name: ifname, netns: pod.fd, mtu: config.mtu, mac: podMac(config.mac, ips) },
        alias: portAlias(request),
        hairpin: config.hairpin,
        isolated: config.isolated,
      })
      undo('delete the veth pair', () => removeLink(route, { index: port.index }))
      return { bridge, port }
    } catch (error) {
      requireFreeName(pod, ifname, netns)
      if (attempt === JOIN_TRIES || findLink(route, { index: bridge.index })) throw error
    }
  }
}
