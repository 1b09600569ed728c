// The pod's end: its addresses and routes, set inside its namespace in one batch.

import { CniError, ErrTryAgainLater } from '../../cni/error.ts'
import type { IpConfig, Route } from '../../cni/types.ts'
import { log } from '../../host/log.ts'
import { sys } from '../../host/sys.ts'
import { inNamespace } from '../../kernel/namespace.ts'
import { transact } from '../../kernel/netlink/socket.ts'
import { addAddress, isDuplicate, isTentative, listAddresses } from '../../kernel/route/address.ts'
import { IF_OPER_UP } from '../../kernel/route/constants.ts'
import { findLink, setLink } from '../../kernel/route/link.ts'
import type { Request } from '../../kernel/route/request.ts'
import { prependRoute } from '../../kernel/route/route.ts'
import { ensureSysctl, readSysctl, trySysctl } from '../../kernel/sysctl.ts'
import { formatCidr } from '../../net/cidr.ts'
import type { Pod } from './namespace.ts'
import { chooseRoutes, kernelRoutes, type PodRoute } from './routes.ts'

/** What the pod's end is given. */
export interface PodSetup {
  readonly index: number
  readonly ifname: string
  readonly ips: readonly IpConfig[]
  readonly routes: readonly Route[]
  /** Leave duplicate address detection on and wait for it. */
  readonly enabledad: boolean
  readonly up: boolean
  /** How to get to the subnets, where the kernel must make no route to them. */
  readonly own?: readonly PodRoute[]
}

/** Those of the routes that the pod has a use for, which is what the result lists. The log has the others. The interface has to be there. */
export function podRoutes(pod: Pod, ifname: string, routes: readonly Route[], ips: readonly IpConfig[]): Route[] {
  const hasIPv6 = () => inNamespace(pod.fd, () => readSysctl(`net/ipv6/conf/${ifname}/disable_ipv6`) === '0')
  const chosen = chooseRoutes(routes, ips, hasIPv6)
  for (const { dst } of chosen.useless) {
    log.warn('route skipped: the pod has no address of its family', { ifname, dst: formatCidr(dst) })
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
    const failed = addresses.find(isDuplicate)
    if (failed) throw new CniError(ErrTryAgainLater, `address ${formatCidr(failed.cidr)} is in use by another host on the link`)
    if (!addresses.some(isTentative)) return
    sys.nanosleep(50)
  }
  // On a link without carrier there is no one to probe; the kernel continues when it has one.
  if (findLink(pod.route, { index })?.operstate !== IF_OPER_UP) return
  throw new CniError(ErrTryAgainLater, 'IPv6 addresses are still tentative after 5 s of duplicate address detection')
}
