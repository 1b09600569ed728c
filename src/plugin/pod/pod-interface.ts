// The pod's end: its addresses and routes, set inside its namespace in one batch. What bridge and ptp have in common.

import { CniError, ErrInvalidEnvironmentVariables, ErrTryAgainLater } from '../../cni/error.ts'
import type { IpConfig, Route } from '../../cni/types.ts'
import { EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENXIO } from '../../host/errno.ts'
import { isSysError } from '../../host/error.ts'
import { log } from '../../host/log.ts'
import { sys } from '../../host/sys.ts'
import { inNamespace, openNamespace } from '../../kernel/namespace.ts'
import { closeNetlink, type NetlinkSocket, openNetlink, transact } from '../../kernel/netlink/socket.ts'
import { addAddress, listAddresses } from '../../kernel/route/address.ts'
import { IF_OPER_UP, IFA_F_DADFAILED, IFA_F_TENTATIVE, NETLINK_ROUTE } from '../../kernel/route/constants.ts'
import { findLink, setLink } from '../../kernel/route/link.ts'
import type { Request } from '../../kernel/route/request.ts'
import { prependRoute } from '../../kernel/route/route.ts'
import { ensureSysctl, readSysctl, trySysctl } from '../../kernel/sysctl.ts'
import { formatCidr } from '../../net/cidr.ts'
import { chooseRoutes, kernelRoutes, type PodRoute } from './routes.ts'

/** A pod's namespace with a socket in it. */
export interface Pod {
  readonly fd: number
  readonly route: NetlinkSocket
}

/** Opens the namespace of CNI_NETNS for the length of `body`. */
export function withPod<T>(netns: string, body: (pod: Pod) => T): T {
  return usePod(enterNamedPod(netns), body)
}

/** How the kernel says that no namespace is at a path, and none can be: it is gone, or something else is there. */
const noNamespace = [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, ENXIO, EINVAL]

/** Like withPod where the namespace may be gone: gone, too, where only the mount point's empty file is left of it. False then. */
export function withPodIfExists(netns: string, body: (pod: Pod) => void): boolean {
  if (netns === '') return false
  let pod: Pod
  try {
    pod = enterPod(netns)
  } catch (error) {
    if (!isSysError(error, ...noNamespace)) throw error
    log.info('namespace is gone', { netns, error: error.message })
    return false
  }
  usePod(pod, body)
  return true
}

/** The specification: ADD must fail where the interface is already there. Asked before anything is made or leased. */
export function requireFreeName(pod: Pod, ifname: string, netns: string): void {
  if (findLink(pod.route, { name: ifname })) throw nameTaken(ifname, netns)
}

/** What ADD answers to an interface that is there already. */
export function nameTaken(ifname: string, netns: string): CniError {
  return new CniError(
    ErrInvalidEnvironmentVariables,
    `CNI_IFNAME: container interface ${JSON.stringify(ifname)} already exists in ${netns}`,
  )
}

/** What the pod's end is given. */
export interface PodSetup {
  readonly index: number
  readonly ifname: string
  readonly ips: readonly IpConfig[]
  readonly routes: readonly Route[]
  /** Leave duplicate address detection on and wait for it. */
  readonly enabledad: boolean
  readonly up: boolean
  /** How to get to the subnets, where the kernel shall make no route to them. */
  readonly own?: readonly PodRoute[]
}

/** Those of the routes that the pod has a use for, which is what the result lists. The log has the others. The interface has to be there. */
export function podRoutes(pod: Pod, ifname: string, routes: readonly Route[], ips: readonly IpConfig[]): Route[] {
  const hasIPv6 = () => inNamespace(pod.fd, () => readSysctl(`net/ipv6/conf/${ifname}/disable_ipv6`) === '0')
  const chosen = chooseRoutes(routes, ips, hasIPv6)
  for (const { dst } of chosen.useless) {
    log.warn('a route is passed over: the pod has no address of its family', { ifname, dst: formatCidr(dst) })
  }
  return chosen.routes
}

/** `ip addr add …; ip link set IFNAME up; ip route prepend …` */
export function configurePod(pod: Pod, setup: PodSetup): void {
  inNamespace(pod.fd, () => setSysctls(setup))
  const { index, ips, enabledad } = setup
  const requests: Request[] = ips.map(({ address }) =>
    addAddress(index, address, { nodad: !enabledad, prefixRoute: setup.own === undefined }),
  )
  if (setup.up) requests.push(setLink({ index }, { up: true }))
  for (const route of kernelRoutes(setup.routes, ips, setup.own)) requests.push(prependRoute({ ...route, oif: index }))
  transact(pod.route, requests)
  if (enabledad && ips.some(({ address }) => address.address.family === 6)) awaitDad(pod, index)
}

function setSysctls({ ifname, ips, enabledad }: PodSetup): void {
  if (ips.some(({ address }) => address.address.family === 6)) {
    // Container runtimes like to switch IPv6 off in every new namespace.
    ensureSysctl('net/ipv6/conf/lo/disable_ipv6', '0')
    ensureSysctl(`net/ipv6/conf/${ifname}/disable_ipv6`, '0')
    // Otherwise the kernel drops the addresses whenever the link is set down.
    ensureSysctl(`net/ipv6/conf/${ifname}/keep_addr_on_down`, '1')
  }
  if (enabledad) trySysctl(`net/ipv6/conf/${ifname}/enhanced_dad`, '1')
  trySysctl(`net/ipv6/conf/${ifname}/accept_dad`, enabledad ? '1' : '0')
  // Coming up announces the address: neighbours may know the previous owner's MAC.
  trySysctl(`net/ipv4/conf/${ifname}/arp_notify`, '1')
}

/** Waits at most 5 s for the addresses to leave the tentative state (RFC 4862 §5.4). */
function awaitDad(pod: Pod, index: number): void {
  for (let waited = 0; waited <= 5000; waited += 50) {
    const addresses = listAddresses(pod.route, index).filter(({ cidr }) => cidr.address.family === 6)
    const failed = addresses.find(({ flags }) => flags & IFA_F_DADFAILED)
    if (failed) throw new CniError(ErrTryAgainLater, `address ${formatCidr(failed.cidr)} is in use by another host on the link`)
    if (!addresses.some(({ flags }) => flags & IFA_F_TENTATIVE)) return
    sys.nanosleep(50)
  }
  // On a link without carrier there is no one to probe; the kernel continues when it has one.
  if (findLink(pod.route, { index })?.operstate !== IF_OPER_UP) return
  throw new CniError(ErrTryAgainLater, 'IPv6 addresses are still tentative after 5 s of duplicate address detection')
}

function enterNamedPod(netns: string): Pod {
  try {
    return enterPod(netns)
  } catch (error) {
    if (!isSysError(error)) throw error
    throw new CniError(ErrInvalidEnvironmentVariables, `CNI_NETNS: failed to open netns ${JSON.stringify(netns)}: ${error.message}`)
  }
}

/** The socket is opened inside and stays there; the process comes back at once. A namespace of another kind is EINVAL. */
function enterPod(netns: string): Pod {
  const fd = openNamespace(netns)
  try {
    return { fd, route: inNamespace(fd, () => openNetlink(NETLINK_ROUTE)) }
  } catch (error) {
    sys.close(fd)
    throw error
  }
}

function usePod<T>(pod: Pod, body: (pod: Pod) => T): T {
  try {
    return body(pod)
  } finally {
    closeNetlink(pod.route)
    sys.close(pod.fd)
  }
}
