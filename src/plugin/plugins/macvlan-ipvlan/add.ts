// ADD of `macvlan` and `ipvlan`: a link on one of the node's, moved into the pod.

import { CniError, ErrInvalidNetworkConfig, ErrIOFailure } from '../../../cni/error.ts'
import type { Request } from '../../../cni/plugin.ts'
import type { Interface, Result } from '../../../cni/types.ts'
import { EOPNOTSUPP } from '../../../host/errno.ts'
import { isSysError } from '../../../host/error.ts'
import { inNamespace } from '../../../kernel/namespace.ts'
import { transact } from '../../../kernel/netlink/socket.ts'
import { findLink, type Link, removeLink, renameLink, transactLink } from '../../../kernel/route/link.ts'
import { trySysctl } from '../../../kernel/sysctl.ts'
import { hostLinkName } from '../../link/owner.ts'
import { type Addresses, type Attaching, attachPod, describeLink, type MadeLink } from '../../pod/attach.ts'
import { withGateways } from '../../pod/gateways.ts'
import { requireOnLink } from '../../pod/lease-problems.ts'
import type { ChildConfig } from './config.ts'
import { findMaster } from './master.ts'

interface ChildInPod extends MadeLink {
  readonly link: Link
}

export const add = (request: Request<ChildConfig>): Result =>
  attachPod(request, { precheck: requireMaster, withoutIpam, plan, makeLink, finish })

/** The addresses of the plugin before, where the plugin takes those. */
function withoutIpam({ config, prevResult }: Request<ChildConfig>): Result | undefined {
  return config.takesPrevious ? prevResult : undefined
}

function plan(_: ChildConfig, lease: Result): Addresses {
  const ips = withGateways(lease.ips, false, 0)
  requireOnLink(ips, lease.routes)
  return { ips, routes: lease.routes }
}

/** Under another name first: the kernel would not make a link whose name exists next to the master. The pod may still have one of an ADD that was killed. */
function makeLink(attaching: Attaching<ChildConfig>): ChildInPod {
  const { request, pod, undo } = attaching
  const { config, ifname } = request
  const master = requireMaster(attaching)
  const name = hostLinkName(request)
  removeLink(pod.route, { name })
  // Before it is made: the kernel has made it also where its answer is lost.
  undo(`delete the ${config.kind}`, () => removeLink(pod.route, { name }))
  try {
    transact(socketOf(attaching), [config.make({ name, parent: master.index, netns: pod.fd, mtu: config.mtu, mac: config.mac })])
  } catch (error) {
    if (!isSysError(error, EOPNOTSUPP)) throw error
    throw new CniError(ErrIOFailure, missingKind(config.kind))
  }
  undo(`delete the ${config.kind}`, () => removeLink(pod.route, { name: ifname }))
  const made = findLink(pod.route, { name })
  if (!made) throw new RangeError(`${config.kind} ${name} is not in the pod's namespace`)
  const link = transactLink(pod.route, [renameLink(made.index, ifname)], { index: made.index })
  // Neighbours may know the previous owner's MAC; arp_notify is configurePod's.
  inNamespace(pod.fd, () => trySysctl(`net/ipv6/conf/${ifname}/ndisc_notify`, '1'))
  // The wire is shared with machines that are not managed here: duplicate address detection stays on.
  return { link, podEnd: { index: link.index, enabledad: true, up: true } }
}

function finish({ request }: Attaching<ChildConfig>, { link }: ChildInPod): Interface[] {
  return [describeLink(link, request.netns)]
}

function requireMaster(attaching: Attaching<ChildConfig>): Link {
  const { config } = attaching.request
  const master = findMaster(socketOf(attaching), config.master)
  if (config.mtu <= master.mtu) return master
  throw new CniError(ErrInvalidNetworkConfig, `mtu: ${config.mtu} is above ${master.mtu}, that of the master ${master.name}`)
}

/** The socket of the namespace that the master is in. */
function socketOf({ request, pod, route }: Attaching<ChildConfig>) {
  return request.config.linkInContainer ? pod.route : route
}

export function missingKind(kind: string): string {
  return `the kernel has no ${kind}: load its module (modprobe ${kind}), or use a kernel that has it`
}
