// ADD of `macvlan` and `ipvlan`: the link, then its addresses, which DHCP asks for by the link; undone in reverse when one of them fails.

import { CniError, ErrInvalidNetworkConfig, ErrIOFailure } from '../../../cni/error.ts'
import type { Request } from '../../../cni/plugin.ts'
import { ownInterfaces } from '../../../cni/result.ts'
import type { Result } from '../../../cni/types.ts'
import { type Undo, withUndo } from '../../../cni/undo.ts'
import { EOPNOTSUPP } from '../../../host/errno.ts'
import { isSysError } from '../../../host/error.ts'
import { inNamespace } from '../../../kernel/namespace.ts'
import { type NetlinkSocket, transact, withNetlink } from '../../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { findLink, type Link, removeLink, renameLink, setLink, transactLink } from '../../../kernel/route/link.ts'
import { trySysctl } from '../../../kernel/sysctl.ts'
import { formatMac } from '../../../net/mac.ts'
import { hostLinkName } from '../../link/owner.ts'
import { withGateways } from '../../pod/attach.ts'
import { requireGateways, requireOnLink } from '../../pod/lease-problems.ts'
import { lockPod } from '../../pod/lock.ts'
import { configurePod, type Pod, podRoutes, requireFreeName, withPod } from '../../pod/pod-interface.ts'
import type { StackedConfig } from './config.ts'
import { findMaster } from './master.ts'

export function add(request: Request<StackedConfig>): Result {
  return withPod(request.netns, (pod) => {
    lockPod(pod, request.netns)
    requireFreeName(pod, request.ifname, request.netns)
    if (request.config.linkInContainer) return withUndo((undo) => attach(request, pod, pod.route, undo))
    return withNetlink(NETLINK_ROUTE, (route) => withUndo((undo) => attach(request, pod, route, undo)))
  })
}

/** `below` is the socket of the namespace that the master is in. */
function attach(request: Request<StackedConfig>, pod: Pod, below: NetlinkSocket, undo: Undo): Result {
  const { config, ifname, netns } = request
  const release = () => config.ipam?.del(request)
  // Undone last: an address that is given out again must not still be answered for.
  if (!config.leaseNeedsLink) undo('release the lease', release)
  const link = makeLink(request, pod, below, undo)
  if (config.leaseNeedsLink) undo('release the lease', release)
  const lease = takeAddresses(request)
  const ips = withGateways(lease.ips, false, 0)
  requireGateways({ ips, routes: lease.routes })
  requireOnLink(ips, lease.routes)
  const routes = podRoutes(pod, ifname, lease.routes, ips)

  // Neighbours may know the previous owner's MAC; arp_notify is configurePod's.
  inNamespace(pod.fd, () => trySysctl(`net/ipv6/conf/${ifname}/ndisc_notify`, '1'))
  if (ips.length === 0) transact(pod.route, [setLink({ index: link.index }, { up: true })])
  // The wire is shared with machines that are not managed here: duplicate address detection stays on.
  else configurePod(pod, { index: link.index, ifname, ips, routes, enabledad: true, up: true })
  return {
    interfaces: ownInterfaces(request.cniVersion, [{ name: ifname, mac: formatMac(link.mac), mtu: link.mtu, sandbox: netns }]),
    ips,
    routes,
    dns: config.dns ?? lease.dns,
  }
}

/** Under another name first: the kernel would not make a link whose name is taken below. Of a killed ADD the pod may still have one. */
function makeLink({ config, ifname, ...attachment }: Request<StackedConfig>, pod: Pod, below: NetlinkSocket, undo: Undo): Link {
  const master = findMaster(below, config.master)
  if (config.mtu > master.mtu) {
    throw new CniError(ErrInvalidNetworkConfig, `mtu: ${config.mtu} is above ${master.mtu}, that of the master ${master.name}`)
  }
  const name = hostLinkName({ ...attachment, ifname })
  removeLink(pod.route, { name })
  try {
    transact(below, [config.make({ name, below: master.index, netns: pod.fd, mtu: config.mtu, mac: config.mac })])
  } catch (error) {
    if (!isSysError(error, EOPNOTSUPP)) throw error
    throw new CniError(ErrIOFailure, missingKind(config.kind))
  }
  undo(`delete the ${config.kind}`, () => removeLink(pod.route, { name }) || removeLink(pod.route, { name: ifname }))
  const made = findLink(pod.route, { name })
  if (!made) throw new RangeError(`${config.kind} ${name} is not in the pod's namespace`)
  return transactLink(pod.route, [renameLink(made.index, ifname)], { index: made.index })
}

export function missingKind(kind: string): string {
  return `the kernel has no ${kind}: load its module (modprobe ${kind}), or use a kernel that has it`
}

/** IPAM's; without it those of the plugin before, where that is what the plugin's addresses may come from; otherwise none. */
function takeAddresses(request: Request<StackedConfig>): Result {
  const { config, prevResult } = request
  const lease = config.ipam?.add(request) ?? (config.takesPrevious ? prevResult : undefined)
  if (lease && lease.ips.length === 0) throw new CniError(ErrInvalidNetworkConfig, 'IPAM plugin returned missing IP config')
  return lease ?? { interfaces: [], ips: [], routes: [], dns: {} }
}
