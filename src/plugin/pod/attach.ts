// ADD of the plugins that attach a pod: namespace, addresses, interface, routes and result are the same in all of them. What a plugin does itself are its steps.

import { CniError, ErrInvalidNetworkConfig } from '../../cni/error.ts'
import type { Request } from '../../cni/plugin.ts'
import { ownInterfaces } from '../../cni/result.ts'
import type { Dns, Interface, IpConfig, Result, Route } from '../../cni/types.ts'
import { type Undo, withUndo } from '../../cni/undo.ts'
import type { Ipam } from '../../ipam/ipam.ts'
import { type NetlinkSocket, withNetlink } from '../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../kernel/route/constants.ts'
import { findLink, type Link } from '../../kernel/route/link.ts'
import { formatMac } from '../../net/mac.ts'
import { requireGateways } from './lease-problems.ts'
import { lockPod } from './lock.ts'
import { nameTaken, type Pod, withPod } from './namespace.ts'
import { configurePod, type PodSetup, podRoutes } from './pod-interface.ts'

export interface AttachConfig {
  /** Absent: an interface without addresses. */
  readonly ipam: Ipam | undefined
  /** In place of what IPAM answers. */
  readonly dns: Dns | undefined
}

/** What the steps of one ADD work with. `pod.route` is a socket in the pod's namespace, `route` one in the node's. */
export interface Attaching<Config> {
  readonly request: Request<Config>
  readonly pod: Pod
  readonly route: NetlinkSocket
  readonly undo: Undo
}

/** The addresses that a pod gets, and the routes. */
export type Addresses = Pick<Result, 'ips' | 'routes'>

/** The interface that a plugin has made in the pod, still to be set up, and what else its later steps need. */
export interface MadeLink {
  readonly podEnd: Omit<PodSetup, 'ifname' | 'ips' | 'routes'>
}

/** What a plugin does itself, in the order of the calls. */
export interface AttachSteps<Config extends AttachConfig, Made extends MadeLink> {
  /** The result, where the interface is that of an ADD that was done before. Without this step an interface of that name is an error. */
  readonly repeat?: (attaching: Omit<Attaching<Config>, 'undo'>, present: Link) => Result | undefined
  /** Throws what would make ADD fail, before there is a lease. */
  readonly precheck?: (attaching: Attaching<Config>) => void
  /** The addresses where the configuration has no IPAM. */
  readonly withoutIpam?: (request: Request<Config>) => Result | undefined
  /** What the pod gets of the lease. Throws where that cannot work, before there is an interface. */
  readonly plan: (config: Config, lease: Result) => Addresses
  /** Makes the interface, and registers how it is deleted; without addresses where IPAM needs the interface first. */
  readonly makeLink: (attaching: Attaching<Config>, ips: readonly IpConfig[]) => Made
  /** All that comes after the pod's end is set up. Returns the interfaces of the result. */
  readonly finish: (attaching: Attaching<Config>, made: Made, ips: readonly IpConfig[]) => Interface[]
}

const NO_LEASE: Result = { interfaces: [], ips: [], routes: [], dns: {} }

/** The result of ADD. When a step fails, those before it are undone in reverse. */
export function attachPod<Config extends AttachConfig, Made extends MadeLink>(
  request: Request<Config>,
  steps: AttachSteps<Config, Made>,
): Result {
  const { ifname, netns } = request
  return withPod(netns, (pod) => {
    lockPod(pod, netns)
    // The specification: ADD must fail where the interface is already there. Found before anything is made or leased.
    const present = findLink(pod.route, { name: ifname })
    if (present && !steps.repeat) throw nameTaken(ifname, netns)
    return withNetlink(NETLINK_ROUTE, (route) => {
      const done = present && steps.repeat?.({ request, pod, route }, present)
      return done ?? withUndo((undo) => attach({ request, pod, route, undo }, steps))
    })
  })
}

/** The result of an attachment. */
export function resultOf(
  { cniVersion, config }: Request<AttachConfig>,
  made: readonly Interface[],
  addresses: Addresses,
  dns: Dns,
): Result {
  return { interfaces: ownInterfaces(cniVersion, made), ...addresses, dns: config.dns ?? dns }
}

/** An interface of the result. */
export function describeLink({ name, mac, mtu }: Pick<Link, 'name' | 'mac' | 'mtu'>, sandbox?: string): Interface {
  return { name, mac: formatMac(mac), mtu, ...(sandbox !== undefined && { sandbox }) }
}

function attach<Config extends AttachConfig, Made extends MadeLink>(
  attaching: Attaching<Config>,
  steps: AttachSteps<Config, Made>,
): Result {
  const { request, pod } = attaching
  const { config, ifname } = request
  steps.precheck?.(attaching)
  const early = config.ipam?.needsLink ? steps.makeLink(attaching, []) : undefined
  const lease = takeLease(attaching, steps)
  const { ips, routes: wanted } = steps.plan(config, lease)
  const made = early ?? steps.makeLink(attaching, ips)
  const routes: Route[] = podRoutes(pod, ifname, wanted, ips)
  configurePod(pod, { ...made.podEnd, ifname, ips, routes })
  return resultOf(request, steps.finish(attaching, made, ips), { ips, routes }, lease.dns)
}

function takeLease<Config extends AttachConfig>(
  { request, pod, undo }: Attaching<Config>,
  { withoutIpam }: Pick<AttachSteps<Config, MadeLink>, 'withoutIpam'>,
): Result {
  const { ipam } = request.config
  const lease = ipam ? ipam.add(request) : withoutIpam?.(request)
  if (!lease) return NO_LEASE
  undo('release the lease', () => {
    // Where the interface could not be deleted, its address must not be given to another pod.
    if (ipam?.needsLink || !findLink(pod.route, { name: request.ifname })) ipam?.del(request)
  })
  if (lease.ips.length === 0) throw new CniError(ErrInvalidNetworkConfig, 'IPAM plugin returned missing IP config')
  requireGateways(lease)
  return lease
}
