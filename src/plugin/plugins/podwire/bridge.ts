// The datapath `bridge`: the pair's host end is a port of the node's bridge, which has the gateway's address.

import type { IpConfig } from '../../../cni/types.ts'
import { BRIDGE_ALIAS } from '../../../contract/marks.ts'
import type { NetlinkSocket } from '../../../kernel/netlink/socket.ts'
import { setBridgePort } from '../../../kernel/route/bridge.ts'
import { type Link, transactLink } from '../../../kernel/route/link.ts'
import { addVeth, type VethEnd } from '../../../kernel/route/veth.ts'
import { ensureBridge, ensureGateways } from '../../link/bridge-device.ts'
import { ensureSubnetRoutes } from '../../link/subnet-routes.ts'
import { gatewayCidrs } from '../../pod/gateways.ts'

/** The bridge and its addresses are the node's: an ADD that fails leaves them to the next one, which may be running already. */
const noUndo = () => {}

/** Makes the bridge where it is missing and the pair with its host end a port; hairpin is on, so that a pod reaches itself through a Service. */
export function joinBridge(
  route: NetlinkSocket,
  bridgeName: string,
  host: VethEnd & { readonly alias: string },
  pod: VethEnd & { readonly netns: number },
  ips: readonly IpConfig[],
): { bridge: Link; host: Link } {
  const gateways = gatewayCidrs(ips)
  const setup = { bridge: bridgeName, promisc: false, mtu: pod.mtu ?? 0, vlans: [], alias: BRIDGE_ALIAS }
  const bridge = ensureBridge(route, setup, gateways, noUndo)
  const ref = { name: host.name }
  const port = { hairpin: true, isolated: false, alias: host.alias }
  const link = transactLink(route, [addVeth({ ...host, master: bridge.index }, pod), setBridgePort(ref, port)], ref)
  // A node that joins again may get another subnet: on podwire's bridge the old gateway is removed.
  ensureGateways(route, bridge, gateways, bridge.alias === BRIDGE_ALIAS, noUndo)
  ensureSubnetRoutes(route, bridge, ips, noUndo)
  return { bridge, host: link }
}
