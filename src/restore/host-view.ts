// What the node has of its pods, read once for all of them.

import { ALIAS_PREFIX } from '../contract/marks.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import { dumpAddresses } from '../kernel/route/address-body.ts'
import { RTPROT_BOOT } from '../kernel/route/constants.ts'
import { type Link, listLinks } from '../kernel/route/link.ts'
import { dumpRoutes, readRoute } from '../kernel/route/route-body.ts'
import type { Cidr } from '../net/cidr.ts'
import { packBytes } from '../net/packed.ts'

export interface HostView {
  /** The host ends of pods, by name. */
  readonly links: ReadonlyMap<string, Link>
  /** Whether the device has the address. */
  readonly hasAddress: (index: number, cidr: Cidr) => boolean
  /** Whether a route to exactly this prefix leads to the device. */
  readonly hasRoute: (index: number, cidr: Cidr) => boolean
}

export function viewHost(route: NetlinkSocket): HostView {
  const links = listLinks(route, [ALIAS_PREFIX]).filter(({ kind, alias }) => kind === 'veth' && alias.startsWith(ALIAS_PREFIX))
  const addresses = new Set(
    links.length > 0 ? dumpAddresses(route).map(({ ifindex, address, length }) => `${ifindex} ${address}/${length}`) : [],
  )
  const families = links.length > 0 ? ([4, 6] as const) : []
  const routes = new Set(
    families.flatMap((family) =>
      dumpRoutes(route, family, RTPROT_BOOT).map((body) => {
        const { dst, oif } = readRoute(body)
        return `${oif} ${dst.first}/${dst.length}`
      }),
    ),
  )
  return {
    links: new Map(links.map((link) => [link.name, link])),
    hasAddress: (index, cidr) => addresses.has(keyOf(index, cidr)),
    hasRoute: (index, cidr) => routes.has(keyOf(index, cidr)),
  }
}

function keyOf(index: number, { address, length }: Cidr): string {
  return `${index} ${packBytes(address.bytes)}/${length}`
}
