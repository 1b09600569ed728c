// Results on the wire: 0.3.0 and later here, the two oldest in legacy-result.ts. Inside the program a result has no version.

import { formatAddress } from '../net/address.ts'
import { formatCidr } from '../net/cidr.ts'
import { CniError, ErrDecodingFailure } from './error.ts'
import { isObject, type Json, type JsonObject, quote } from './json.ts'
import { decodeLegacyResult, encodeLegacyResult } from './legacy-result.ts'
import { Reader } from './reader.ts'
import { type CniVersion, cniVersions, type Dns, type Interface, type IpConfig, type Result, type Route } from './types.ts'

/** How a version spells a result: the three shapes that libcni has a type for. */
export function resultShape(version: CniVersion): 'legacy' | 'versioned' | 'current' {
  if (version === '0.1.0' || version === '0.2.0') return 'legacy'
  return version === '1.0.0' || version === '1.1.0' ? 'current' : 'versioned'
}

/** The result as `version` has it, byte for byte as libcni prints it: four spaces, its order of keys, no newline at the end. */
export function encodeResult(result: Result, version: CniVersion): string {
  return JSON.stringify(encodeShape(result, version), undefined, 4)
}

/** Reads a result of any version; one without `cniVersion` is taken for `assumed`. Null counts as empty, as libcni has it. */
export function decodeResult(json: Json, assumed: CniVersion, what: string): Result {
  const object = json ?? {}
  if (!isObject(object)) throw new CniError(ErrDecodingFailure, `${what}: expected an object, got ${quote(json)}`)
  const reader = new Reader(object)
  const named = reader.string('cniVersion') || assumed
  const version = cniVersions.find((known) => known === named)
  if (!version) throw new CniError(ErrDecodingFailure, `${what}: unsupported cniVersion ${quote(named)}`)
  const result = resultShape(version) === 'legacy' ? decodeLegacyResult(reader) : decodeCurrent(reader)
  reader.report(what)
  return result
}

/** Reads `prevResult`, which must have the shape of the configuration's own version (libcni's create.Create). */
export function decodePrevResult(json: Json, version: CniVersion): Result {
  const named = isObject(json) ? new Reader(json).string('cniVersion') || version : version
  const found = cniVersions.find((known) => known === named)
  if (!found || resultShape(found) !== resultShape(version)) {
    throw new CniError(ErrDecodingFailure, `could not parse prevResult: it has cniVersion ${quote(named)}, the configuration ${version}`)
  }
  return decodeResult(json, version, 'prevResult')
}

/** One entry of a `routes` list, in a result as in an IPAM configuration. */
export function readRoute(reader: Reader): Route | undefined {
  const number = (key: string, max = 0xffffffff) => reader.integer(key, 0, max)
  const dst = reader.cidr('dst')
  if (!dst && !reader.issues.some((issue) => issue.startsWith(`${reader.path}.dst:`))) reader.issue('dst', 'is missing')
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

function encodeShape(result: Result, cniVersion: CniVersion): JsonObject {
  const shape = resultShape(cniVersion)
  const dns = encodeDns(result.dns)
  if (shape === 'legacy') return encodeLegacyResult(result, cniVersion, dns)
  const current = shape === 'current'
  const lists = {
    ...list(
      'interfaces',
      result.interfaces.map((entry) => encodeInterface(entry, current)),
    ),
    ...list(
      'ips',
      result.ips.map((ip) => encodeIp(ip, current)),
    ),
    ...list(
      'routes',
      result.routes.map((route) => encodeRoute(route, current)),
    ),
  }
  // libcni's newer type leaves an empty `dns` out and sorts its keys, the older one prints it always, and last.
  if (current) return { cniVersion, ...(Object.keys(dns).length > 0 && { dns }), ...lists }
  return { cniVersion, ...lists, dns }
}

function decodeCurrent(reader: Reader): Result {
  return {
    interfaces: reader.objects('interfaces', readInterface) ?? [],
    ips: reader.objects('ips', readIp) ?? [],
    routes: reader.objects('routes', readRoute) ?? [],
    dns: reader.object('dns', readDns) ?? {},
  }
}

function readInterface(reader: Reader): Interface {
  return {
    name: reader.string('name') ?? '',
    mac: reader.string('mac'),
    mtu: reader.integer('mtu', 0, 0xffffffff),
    sandbox: reader.string('sandbox'),
    socketPath: reader.string('socketPath'),
    pciID: reader.string('pciID'),
  }
}

function readIp(reader: Reader): IpConfig | undefined {
  const address = reader.cidr('address')
  const rest = { gateway: reader.address('gateway'), interface: reader.integer('interface', 0, 0xffff) }
  if (!reader.string('address')) reader.issue('address', 'is missing')
  return address && { address, ...rest }
}

/** 0.3.0 to 0.4.0 know name, mac and sandbox only. */
function encodeInterface({ name, mac, mtu, sandbox, socketPath, pciID }: Interface, current: boolean): JsonObject {
  return compact({ name, mac, mtu: current ? mtu : undefined, sandbox, ...(current && { socketPath, pciID }) })
}

function encodeIp(ip: IpConfig, current: boolean): JsonObject {
  const version = current ? undefined : String(ip.address.address.family)
  return compact({
    version,
    interface: ip.interface,
    address: formatCidr(ip.address),
    gateway: ip.gateway && formatAddress(ip.gateway),
  })
}

function encodeRoute({ dst, gw, mtu, advmss, priority, table, scope }: Route, current: boolean): JsonObject {
  return compact({ dst: formatCidr(dst), gw: gw && formatAddress(gw), ...(current && { mtu, advmss, priority, table, scope }) })
}

function encodeDns({ nameservers, domain, search, options }: Dns): JsonObject {
  const filled = (values: readonly string[] | undefined) => (values && values.length > 0 ? values : undefined)
  return compact({ nameservers: filled(nameservers), domain: domain || undefined, search: filled(search), options: filled(options) })
}

/** The list under its key, or nothing where it is empty. */
function list(key: string, values: readonly JsonObject[]): JsonObject {
  return values.length > 0 ? { [key]: values } : {}
}

/** Without the keys that have no value; '' is none. Zero is one: an index, a scope. */
function compact(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  const kept: Record<string, Json> = {}
  for (const [key, value] of Object.entries(fields)) if (value !== undefined && value !== '') kept[key] = value
  return kept
}
