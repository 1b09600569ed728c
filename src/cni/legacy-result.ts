// Results of 0.1.0 and 0.2.0: one address a family, under `ip4` and `ip6`, each with its routes.

import { formatAddress } from '../net/address.ts'
import { formatCidr } from '../net/cidr.ts'
import { CniError, ErrIncompatibleCNIVersion } from './error.ts'
import type { JsonObject } from './json.ts'
import type { Reader } from './reader.ts'
import { readDns, readRoute } from './routes-and-dns.ts'
import type { CniVersion, IpConfig, Result, Route } from './types.ts'

/** The first address of each family; routes of a family without one are dropped, interfaces have no place. */
export function encodeLegacyResult({ ips, routes }: Pick<Result, 'ips' | 'routes'>, cniVersion: CniVersion, dns: JsonObject): JsonObject {
  const ip4 = encodeFamily(4, ips, routes)
  const ip6 = encodeFamily(6, ips, routes)
  if (!ip4 && !ip6) {
    throw new CniError(ErrIncompatibleCNIVersion, 'cannot convert: no valid IP addresses', `a result of ${cniVersion} has at least one`)
  }
  return { cniVersion, ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), dns }
}

export function decodeLegacyResult(reader: Reader): Result {
  const families = [reader.object('ip4', readFamily), reader.object('ip6', readFamily)].filter((family) => family !== undefined)
  return {
    interfaces: [],
    ips: families.flatMap(({ ip }) => (ip ? [ip] : [])),
    routes: families.flatMap(({ routes }) => routes),
    dns: reader.object('dns', readDns) ?? {},
  }
}

function encodeFamily(family: 4 | 6, ips: readonly IpConfig[], routes: readonly Route[]): JsonObject | undefined {
  const ip = ips.find(({ address }) => address.address.family === family)
  if (!ip) return undefined
  const own = routes.filter(({ dst }) => dst.address.family === family)
  const encoded = own.map(({ dst, gw }) => ({ dst: formatCidr(dst), ...(gw && { gw: formatAddress(gw) }) }))
  return {
    ip: formatCidr(ip.address),
    ...(ip.gateway && { gateway: formatAddress(ip.gateway) }),
    ...(encoded.length > 0 && { routes: encoded }),
  }
}

function readFamily(reader: Reader): { ip: IpConfig | undefined; routes: Route[] } {
  const address = reader.cidr('ip')
  const gateway = reader.address('gateway')
  if (!reader.has('ip')) reader.issue('ip', 'is missing')
  return { ip: address && { address, gateway }, routes: reader.objects('routes', readRoute) ?? [] }
}
