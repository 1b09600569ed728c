// The master: the link that a pod's interface is on.

import { CniError, ErrInvalidNetworkConfig } from '../../../cni/error.ts'
import { AF_INET, AF_INET6 } from '../../../host/socket.ts'
import type { NetlinkSocket } from '../../../kernel/netlink/socket.ts'
import { RT_TABLE_MAIN } from '../../../kernel/route/constants.ts'
import { findLink, type Link } from '../../../kernel/route/link.ts'
import { listRoutes } from '../../../kernel/route/route.ts'
import { isDefaultRoute } from '../../../net/cidr.ts'

/** The link of that name, or that of the default route, IPv4's first. `code` is the error's where it does not exist. */
export function findMaster(route: NetlinkSocket, name: string | undefined, code = ErrInvalidNetworkConfig): Link {
  const link = name === undefined ? defaultRouteLink(route) : findLink(route, { name })
  if (link) return link
  if (name === undefined) throw new CniError(code, 'no default route interface found: set master')
  throw new CniError(code, `failed to lookup master ${JSON.stringify(name)}: Link not found`)
}

function defaultRouteLink(route: NetlinkSocket): Link | undefined {
  for (const family of [AF_INET, AF_INET6]) {
    const found = listRoutes(route, family).find(({ dst, oif, table }) => isDefaultRoute(dst) && oif && table === RT_TABLE_MAIN)
    if (found?.oif) return findLink(route, { index: found.oif })
  }
  return undefined
}
