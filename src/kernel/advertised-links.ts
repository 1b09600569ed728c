// A machine that forwards IPv6 ignores router advertisements, and drops the default routes that it has by them, unless `accept_ra` is 2.

import { AF_INET6 } from '../host/socket.ts'
import type { NetlinkSocket } from './netlink/socket.ts'
import { listAddresses } from './route/address.ts'
import { IFA_F_MANAGETEMPADDR, RTPROT_RA } from './route/constants.ts'
import { findLinks } from './route/link.ts'
import { listRoutes } from './route/route.ts'
import { readSysctl } from './sysctl.ts'

/** Names of the links with routes or addresses by router advertisement which would lose them as soon as forwarding is on. */
export function advertisedLinks(socket: NetlinkSocket): string[] {
  const routes = listRoutes(socket, AF_INET6).filter(({ protocol }) => protocol === RTPROT_RA)
  const addresses = listAddresses(socket).filter(({ flags }) => flags & IFA_F_MANAGETEMPADDR)
  const indexes = new Set([...routes.map(({ oif }) => oif ?? 0), ...addresses.map(({ index }) => index)])
  const links = findLinks(
    socket,
    [...indexes].map((index) => ({ index })),
  )
  return links.map(({ name }) => name).filter((name) => readSysctl(acceptRaOf(name)) === '1')
}

export function acceptRaOf(device: string): string {
  return `net/ipv6/conf/${device}/accept_ra`
}
