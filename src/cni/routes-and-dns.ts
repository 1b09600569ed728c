// What results and IPAM configurations spell alike: routes and name servers.

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

export function readDns(reader: Reader): Dns {
  return {
    nameservers: reader.strings('nameservers'),
    domain: reader.string('domain'),
    search: reader.strings('search'),
    options: reader.strings('options'),
  }
}
