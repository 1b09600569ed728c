// The node's routes to pods whose gateway is outside their subnet (fe80::1): the bridge's address brings no route to them.

import type { IpConfig } from '../../cni/types.ts'
import type { Undo } from '../../cni/undo.ts'
import { EEXIST } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { exchange, type NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { RT_SCOPE_LINK } from '../../kernel/route/constants.ts'
import type { Link } from '../../kernel/route/link.ts'
import { appendRoute, deleteRoute } from '../../kernel/route/route.ts'
import { cidrContains, networkOf } from '../../net/cidr.ts'

/** `ip route append SUBNET dev BRIDGE scope link`, after existing routes. Removed with the bridge, or by `undo` where it was added here. */
export function ensureSubnetRoutes(route: NetlinkSocket, link: Link, ips: readonly IpConfig[], undo: Undo): void {
  const outside = ips.filter(({ address, gateway }) => gateway && !cidrContains(address, gateway))
  if (outside.length === 0) return
  const wanted = outside.map(({ address }) => ({ dst: networkOf(address), oif: link.index, scope: RT_SCOPE_LINK }))
  const requests = wanted.map(appendRoute)
  const { failures } = exchange(route, requests)
  const added = wanted.filter((_, i) => !failures.some(({ index }) => index === i))
  undo(`remove the routes to the subnets behind ${link.name}`, () => exchange(route, added.map(deleteRoute)))
  // EEXIST: every pod after the first.
  const failure = failures.find(({ errno }) => errno !== EEXIST)
  if (failure) throw new SysError(requests[failure.index]?.op ?? 'add route', failure.errno, failure.detail)
}
