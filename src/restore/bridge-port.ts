// The host end of a pod on the node's bridge: up and a port of it, and the bridge with the gateways' addresses.

import { BRIDGE_ALIAS } from '../contract/marks.ts'
import { transact } from '../kernel/netlink/socket.ts'
import { setBridgePort } from '../kernel/route/bridge.ts'
import { IFF_UP } from '../kernel/route/constants.ts'
import { type Link, setLink } from '../kernel/route/link.ts'
import { formatCidr } from '../net/cidr.ts'
import { ensureBridge, ensureGateways, findBridge } from '../plugin/link/bridge-device.ts'
import { ensureSubnetRoutes } from '../plugin/link/subnet-routes.ts'
import { gatewayCidrs } from '../plugin/pod/gateways.ts'
import { noteMissing } from './report.ts'
import type { Restoring } from './restoring.ts'
import type { SavedPod } from './saved-pods.ts'

/** The bridge is the node's: nothing of it is undone. */
const noUndo = () => {}

/** `ip link set HOST master BRIDGE up; ip addr add GATEWAY dev BRIDGE`, whichever is missing; the bridge itself too. */
export function restoreBridgePort({ route, view, log, dryRun }: Restoring, { pod, config, ips }: SavedPod, link: Link): void {
  const gateways = gatewayCidrs(ips)
  const found = findBridge(route, config.bridge)
  const isBridgeUp = found !== undefined && (found.flags & IFF_UP) !== 0
  const isPort = found !== undefined && link.master === found.index
  const isUp = (link.flags & IFF_UP) !== 0
  const missing = gateways.filter((cidr) => !found || !view.hasAddress(found.index, cidr))
  if (!isBridgeUp) noteMissing(log, 'pod-link', `${config.bridge} up`, pod)
  if (!isPort) noteMissing(log, 'pod-link', `${link.name} master ${config.bridge}`, pod)
  if (!isUp) noteMissing(log, 'pod-link', `${link.name} up`, pod)
  for (const cidr of missing) noteMissing(log, 'pod-address', `${formatCidr(cidr)} on ${config.bridge}`, pod)
  if (dryRun || (isBridgeUp && isPort && isUp && missing.length === 0)) return
  const setup = { bridge: config.bridge, promisc: false, mtu: link.mtu, vlans: [], alias: BRIDGE_ALIAS }
  const bridge = ensureBridge(route, setup, gateways, noUndo)
  const ref = { index: link.index }
  if (!isPort) {
    const port = { hairpin: true, isolated: false, alias: link.alias }
    transact(route, [setLink(ref, { master: bridge.index }), setBridgePort(ref, port)])
  }
  transact(route, [setLink(ref, { up: true })])
  // Another address of the bridge stays: it is that of pods with the node's new range.
  ensureGateways(route, bridge, gateways, false, noUndo)
  ensureSubnetRoutes(route, bridge, ips, noUndo)
}
