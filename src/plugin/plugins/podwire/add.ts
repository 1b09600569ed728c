// ADD of `podwire`: pair or bridge port, then sysctls, host ports and bandwidth, in one process.

import type { Request } from '../../../cni/plugin.ts'
import type { Interface, IpConfig, Result } from '../../../cni/types.ts'
import { inNamespace } from '../../../kernel/namespace.ts'
import type { Link } from '../../../kernel/route/link.ts'
import { ensureSysctl } from '../../../kernel/sysctl.ts'
import type { Mac } from '../../../net/mac.ts'
import { hostPortRules } from '../../host-ports/segment.ts'
import { defaultMtu } from '../../link/mtu.ts'
import { freeName, removeOwnLinks } from '../../link/own-links.ts'
import { hostLinkAlias, hostLinkName } from '../../link/owner.ts'
import { addPair, gatewayRoutes, routeToPod } from '../../link/point-to-point.ts'
import { awaitUp } from '../../link/wait-up.ts'
import { type Attaching, attachPod, describeLink, type MadeLink } from '../../pod/attach.ts'
import { enableForwarding } from '../../pod/forwarding.ts'
import { gatewayCidrs } from '../../pod/gateways.ts'
import { podEndMac, podMac } from '../../pod/mac.ts'
import type { Pod } from '../../pod/namespace.ts'
import { type Sysctl, sysctlPath } from '../../pod/sysctl-config.ts'
import { joinBridge } from './bridge.ts'
import type { PodwireConfig } from './config.ts'
import { plan } from './plan.ts'
import { repeat } from './repeat.ts'

interface Pair extends MadeLink {
  readonly host: Link
  /** undefined: the kernel's choice. */
  readonly mac: Mac | undefined
  /** With the datapath `bridge`. */
  readonly bridge: Link | undefined
}

export const add = (request: Request<PodwireConfig>): Result => attachPod(request, { repeat, plan, makeLink, finish })

function makeLink({ request, pod, route, undo }: Attaching<PodwireConfig>, ips: readonly IpConfig[]): Pair {
  const { config, ifname } = request
  const { datapath, enabledad } = config
  const mtu = config.mtu || defaultMtu(route)
  const podEnd = { name: ifname, netns: pod.fd, mtu, mac: podMac(config.mac, ips) }
  const hostEnd = { name: hostLinkName(request), mtu, alias: hostLinkAlias(request, config.pod) }
  // A pair of that name that is in no other pod: an ADD that was killed has left it.
  freeName(route, hostEnd.name, request)
  // Before it is made: the kernel has made it also where its answer is lost.
  undo('delete the veth pair', () => removeOwnLinks(route, request, [hostEnd.name]))
  const { bridge, host } =
    datapath === 'bridge'
      ? joinBridge(route, config.bridge, hostEnd, podEnd, ips)
      : { bridge: undefined, host: addPair(route, hostEnd, podEnd) }
  // Before the pod's end: while this one is down no neighbour solicitation is heard, and duplicate address detection does not finish.
  if (datapath === 'ptp') routeToPod(route, host, ips)
  const own = datapath === 'ptp' ? gatewayRoutes(ips, enabledad) : undefined
  return { bridge, host, mac: podEnd.mac, podEnd: { index: host.peer, enabledad, up: true, ...(own && { own }) } }
}

function finish(
  { request, pod, route, undo }: Attaching<PodwireConfig>,
  { bridge, host, mac }: Pair,
  ips: readonly IpConfig[],
): Interface[] {
  const { config, ifname, netns } = request
  if (config.sysctls.length > 0) setSysctls(pod, config.sysctls, ifname)
  if (config.hostPorts.length > 0) {
    undo('remove the host ports', () => hostPortRules().removeHostPorts(request))
    hostPortRules().addHostPorts(request, config.pod || request.containerId, config.hostPorts, ips)
  }
  const shaped: Interface[] = []
  const { limits } = config
  if (limits) {
    shaped.push(...limits.add(route, host, { ...pod, index: host.peer }, request))
    // Where it fails it leaves nothing, and a device of the IFB's name may be another's.
    undo('remove the bandwidth limits', () => limits.remove(route, request))
  }
  // Not undone, so after what may fail.
  enableForwarding(route, gatewayCidrs(ips))
  awaitUp(route, host)
  const podEnd = describeLink({ name: ifname, mac: mac ?? podEndMac(pod, host), mtu: host.mtu }, netns)
  return [describeLink(host), podEnd, ...(bridge ? [describeLink(bridge)] : []), ...shaped]
}

function setSysctls(pod: Pod, sysctls: readonly Sysctl[], ifname: string): void {
  inNamespace(pod.fd, () => {
    for (const sysctl of sysctls) ensureSysctl(sysctlPath(sysctl, ifname), sysctl.value)
  })
}
