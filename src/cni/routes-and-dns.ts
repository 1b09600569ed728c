// What results and IPAM configurations spell alike: routes and name servers.

import { formatAddress } from '../net/address.ts'
import { formatCidr } from '../net/cidr.ts'
import type { Reader } from './reader.ts'
import type { Dns, Route } from './types.ts'

/** One entry of a `routes` list, in a result as in an IPAM configuration. */
export function readRoute(reader: Reader): Route | undefined {
  const number = (key: string, max = 0xffffffff) => reader.integer(key, 0, max)
  const dst = reader.cidr('dst')
  if (!reader.has('dst')) reader.issue('dst', 'is missing')
  const rest = {
    gw: reader.address('gw'),
    mtu: number('mtu'),
    advmss: number('advmss'),
    priority: number('priority'),
    table: number('table'),
    scope: number('scope', 255),
  }
  return dst && { dst, ...rest }
}

/** A route that ADD will make: the kernel would reject a gateway of the other family only after the interface is set up. */
export function readWantedRoute(reader: Reader): Route | undefined {
  const route = readRoute(reader)
  if (route?.gw && route.gw.family !== route.dst.address.family) {
    reader.issue(
      'gw',
      `${formatAddress(route.gw)} is an IPv${route.gw.family} address, ${formatCidr(route.dst)} is IPv${route.dst.address.family}`,
    )
  }
  return route
}

export function readDns(reader: Reader): Dns {
  return {
    nameservers: reader.strings('nameservers'),
    domain: reader.string('domain'),
    search: reader.strings('search'),
    options: reader.strings('options'),
  }
}
