// CHECK of a pod's end: the interface, its addresses and routes against the result.

import { fail } from '../../cni/error.ts'
import type { IpConfig, Result } from '../../cni/types.ts'
import { listAddresses } from '../../kernel/route/address.ts'
import { IFF_UP, RT_TABLE_MAIN } from '../../kernel/route/constants.ts'
import { findLink, type Link } from '../../kernel/route/link.ts'
import { addressFamily } from '../../kernel/route/request.ts'
import { type KernelRoute, listRoutes } from '../../kernel/route/route.ts'
import { isUnspecified, sameAddress } from '../../net/address.ts'
import { formatCidr, networkOf, sameCidr } from '../../net/cidr.ts'
import { formatMac } from '../../net/mac.ts'
import type { Pod } from './namespace.ts'

/** The pod's interface, a veth unless another kind is expected, with its addresses and routes as the result has them; it is up where it must be. Returns it. */
export function checkPodInterface(
  pod: Pod,
  wanted: { ifname: string; netns: string; up: boolean; kind?: string },
  prevResult: Result,
): Link {
  const { ifname, netns, up, kind = 'veth' } = wanted
  const expected = prevResult.interfaces.findIndex(({ name, sandbox }) => name === ifname && sandbox)
  const entry = prevResult.interfaces[expected]
  if (!entry) fail(`prevResult has no interface ${ifname} in a sandbox`)
  if (entry.sandbox !== netns) fail(`prevResult has sandbox ${entry.sandbox}, CNI_NETNS is ${netns}`)
  const end = findLink(pod.route, { name: ifname })
  if (!end) fail(`interface ${ifname} is missing in ${netns}`)
  if (end.kind !== kind) fail(`interface ${ifname} is not a ${kind}`)
  if (up && !(end.flags & IFF_UP)) fail(`interface ${ifname} is down`)
  if (entry.mac && entry.mac.toLowerCase() !== formatMac(end.mac))
    fail(`interface ${ifname} has MAC ${formatMac(end.mac)}, expected ${entry.mac}`)

  const addresses = listAddresses(pod.route, end.index)
  for (const { address, interface: index } of prevResult.ips) {
    if (index !== expected || addresses.some(({ cidr }) => sameCidr(cidr, address))) continue
    fail(`interface ${ifname} lacks its address ${formatCidr(address)}`)
  }
  checkRoutes(pod, prevResult)
  return end
}

function checkRoutes(pod: Pod, { routes }: Result): void {
  const known = new Map<number, KernelRoute[]>()
  for (const { dst, gw, priority, table } of routes) {
    const family = addressFamily(dst.address)
    const present = known.get(family) ?? listRoutes(pod.route, family)
    known.set(family, present)
    const found = present.some((route) => {
      const viaGateway = !gw || (isUnspecified(gw) ? !route.gateway : route.gateway !== undefined && sameAddress(route.gateway, gw))
      // One of the main table may have been moved into another by a later plugin of the list.
      const isMain = !table || table === RT_TABLE_MAIN
      const isWhere = (!priority || priority === route.priority) && (isMain || table === route.table)
      return sameCidr(route.dst, networkOf(dst)) && viaGateway && isWhere
    })
    if (!found) fail(`route to ${formatCidr(dst)} is missing`)
  }
}

/** The addresses that the result gives to the interface of that name. */
export function ipsOf({ ips, interfaces }: Result, ifname: string): IpConfig[] {
  return ips.filter(({ interface: index }) => interfaces[index ?? -1]?.name === ifname)
}
