// The verbs of `portmap`: passes on prevResult; makes and removes rules, forgets connections, protects the loopback.

import { requirePrevResult } from '../../../cni/config.ts'
import { CniError, ErrInternal, gatherErrors } from '../../../cni/error.ts'
import type { GcRequest, Request, StatusRequest } from '../../../cni/plugin.ts'
import type { Result } from '../../../cni/types.ts'
import { withUndo } from '../../../cni/undo.ts'
import { log } from '../../../host/log.ts'
import { withNetlink } from '../../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { findLink } from '../../../kernel/route/link.ts'
import { lookUpRoutes } from '../../../kernel/route/lookup.ts'
import { ensureSysctl, readSysctl } from '../../../kernel/sysctl.ts'
import { formatAddress } from '../../../net/address.ts'
import { localnet } from '../../host-ports/targets.ts'
import { forgetFlowsToPod, forgetOldFlows, type PortForward } from '../../netfilter/udp-flows.ts'
import { podName } from '../../pod/name.ts'
import { type Backend, forwardsOf, type PortmapRequest, podCidrs } from './backend.ts'
import type { PortmapConfig } from './config.ts'
import { protectLoopback } from './loopback.ts'
import { portmapIptables, portmapNftables } from './segments.ts'

export function add(request: Request<PortmapConfig>): Result {
  const { config } = request
  const prevResult = requirePrevResult(request, 'ADD')
  const portmap = requestFor(request, prevResult)
  if (config.mappings.length === 0 || portmap.pods.length === 0) return prevResult
  withUndo((undo) => {
    undo('remove the port mappings', () => removeRules(request))
    backendOf(config).add(portmap)
    for (const device of loopbackDevices(portmap)) {
      protectLoopback()
      ensureSysctl(localnet(device), '1')
    }
  })
  forgetOldFlows(forwardsOf(portmap))
  return prevResult
}

/** Needs neither the mappings nor prevResult, which only serve to forget UDP flows. */
export function del(request: Request<PortmapConfig>): void {
  const { prevResult } = request
  const known = prevResult ? forwardsOf(requestFor(request, prevResult)) : []
  forgetFlowsToPod([...removeRules(request), ...known])
}

export function check(request: Request<PortmapConfig>): void {
  const { config } = request
  const prevResult = requirePrevResult(request, 'CHECK')
  const portmap = requestFor(request, prevResult)
  if (config.mappings.length === 0 || portmap.pods.length === 0) return
  backendOf(config).check(portmap)
  for (const device of loopbackDevices(portmap)) {
    if (readSysctl(localnet(device)) === '1') continue
    throw new CniError(ErrInternal, `sysctl ${localnet(device)} is not 1, so 127.0.0.1 does not reach the pod`)
  }
}

/** Removes what belongs to this network and to no attachment of the list; without a list, nothing. */
export function gc({ network, valid }: GcRequest<PortmapConfig>): void {
  if (!valid) return
  let forwards: PortForward[] = []
  gatherErrors('GC', [
    () => {
      forwards = portmapNftables().gc(network, valid)
    },
    () => portmapIptables().gc(network, valid),
  ])
  forgetFlowsToPod(forwards)
}

export function status({ config }: StatusRequest<PortmapConfig>): void {
  backendOf(config).status(config)
}

function requestFor(request: Request<PortmapConfig>, prevResult: Result): PortmapRequest {
  return { attachment: request, owner: podName(request.args), config: request.config, pods: podCidrs(prevResult, request.ifname) }
}

function backendOf({ backend }: PortmapConfig): Backend {
  return backend === 'iptables' ? portmapIptables() : portmapNftables()
}

function removeRules(request: Request<PortmapConfig>): PortForward[] {
  let forwards: PortForward[] = []
  gatherErrors('remove port mappings', [
    () => {
      forwards = portmapNftables().remove(request)
    },
    () => portmapIptables().remove(request),
  ])
  return forwards
}

/** Where the kernel has to let 127.0.0.0/8 out: the device behind which the pod's IPv4 address is. */
function loopbackDevices({ config, pods }: PortmapRequest): string[] {
  const address = pods.find((pod) => pod.address.family === 4)?.address
  if (!address || !config.snat) return []
  return withNetlink(NETLINK_ROUTE, (route) => {
    const [path] = lookUpRoutes(route, [address])
    const device = path?.oif && !path.local ? findLink(route, { index: path.oif })?.name : undefined
    if (!device) log.warn('no route to the pod: 127.0.0.1 will not reach its ports', { address: formatAddress(address) })
    return device ? [device] : []
  })
}
