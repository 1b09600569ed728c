// Results on the wire: 0.3.0 and later here, the two oldest in legacy-result.ts. Inside the program a result has no version.

import { formatAddress } from '../net/address.ts'
import { formatCidr } from '../net/cidr.ts'
import { CniError, ErrDecodingFailure } from './error.ts'
import { isObject, type Json, type JsonObject, quote } from './json.ts'
import { decodeLegacyResult, encodeLegacyResult } from './legacy-result.ts'
import { Reader } from './reader.ts'
import { readDns, readRoute } from './routes-and-dns.ts'
import { type CniVersion, cniVersions, type Dns, type Interface, type IpConfig, type Result, type Route } from './types.ts'

/** The result as `version` has it, byte for byte as libcni prints it: four spaces, its order of keys, no newline at the end. */
export function encodeResult(result: Result, version: CniVersion): string {
  const text = JSON.stringify(encodeShape(result, version), undefined, 4)
  return text.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026')
}

/** Reads a result of any version; one without `cniVersion` is taken for `assumed`, null for an empty one, as libcni has it. Throws CniError 6. */
export function decodeResult(json: Json, assumed: CniVersion, what: string): Result {
  const object = json ?? {}
  if (!isObject(object)) throw new CniError(ErrDecodingFailure, `${what}: expected an object, got ${quote(json)}`)
  const reader = new Reader(object)
  const version = versionOf(reader, assumed)
  if (!version) reader.issue('cniVersion', `unknown version ${quote(reader.value('cniVersion'))}`)
  const result = readShape(reader, version ?? assumed)
  reader.report(what, ErrDecodingFailure)
  return result
}

/** Reads `prevResult`, which has to have the shape of the configuration's own version (libcni's create.Create). */
export function readPrevious(reader: Reader, version: CniVersion): Result {
  const readable = cniVersions.filter((known) => shapeOf(known) === shapeOf(version))
  const named = versionOf(reader, version)
  if (!named || !readable.includes(named)) {
    const expected = `expected one of ${readable.join(', ')} because the configuration is ${version}`
    reader.issue('cniVersion', `${expected}, got ${quote(reader.value('cniVersion'))}`)
  }
  return readShape(reader, version)
}

/** Interfaces that a plugin has made, as its result has them: `mtu` came with 1.1.0, and before that is only passed on. */
export function ownInterfaces(version: CniVersion, interfaces: readonly Interface[]): Interface[] {
  return version === '1.1.0' ? [...interfaces] : interfaces.map((entry) => ({ ...entry, mtu: undefined }))
}

/** How a version spells a result: the three shapes that libcni has a type for. */
function shapeOf(version: CniVersion): 'legacy' | 'versioned' | 'current' {
  if (version === '0.1.0' || version === '0.2.0') return 'legacy'
  return version === '1.0.0' || version === '1.1.0' ? 'current' : 'versioned'
}

/** The version that the result names, `assumed` where it names none; undefined for an unknown one. */
function versionOf(reader: Reader, assumed: CniVersion): CniVersion | undefined {
  const named = reader.value('cniVersion') || assumed
  return cniVersions.find((known) => known === named)
}

function encodeShape({ interfaces, ips, routes, dns }: Result, cniVersion: CniVersion): JsonObject {
  const shape = shapeOf(cniVersion)
  if (shape === 'legacy') return encodeLegacyResult({ ips, routes }, cniVersion, encodeDns(dns))
  const lists = {
    interfaces: filled(interfaces.map((entry) => encodeInterface(entry, shape === 'current'))),
    ips: filled(ips.map((ip) => encodeIp(ip, shape === 'versioned'))),
    routes: filled(routes.map(encodeRoute)),
  }
  // libcni's older type always prints `dns`; the newer one leaves out an empty one and goes through a map, which sorts the keys.
  if (shape === 'versioned') return compact({ cniVersion, ...lists, dns: encodeDns(dns) })
  const known = encodeDns(dns)
  return sortKeys(compact({ cniVersion, ...lists, dns: Object.keys(known).length > 0 ? known : undefined }))
}

function readShape(reader: Reader, version: CniVersion): Result {
  if (shapeOf(version) === 'legacy') return decodeLegacyResult(reader)
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
  if (!reader.has('address')) reader.issue('address', 'is missing')
  const rest = { gateway: reader.address('gateway'), interface: reader.integer('interface', 0, 0xffff) }
  return address && { address, ...rest }
}

/** What 1.1.0 added is printed in 1.0.0 as well, as libcni does: SR-IOV plugins print it there, and Multus reads it. */
function encodeInterface({ name, mac, mtu, sandbox, socketPath, pciID }: Interface, isCurrent: boolean): JsonObject {
  const added = isCurrent ? { mtu: mtu || undefined, socketPath, pciID } : {}
  return { name, ...compact({ mac, sandbox, ...added }) }
}

function encodeIp({ address, gateway, interface: index }: IpConfig, versioned: boolean): JsonObject {
  return compact({
    version: versioned ? String(address.address.family) : undefined,
    interface: index,
    address: formatCidr(address),
    gateway: gateway && formatAddress(gateway),
  })
}

/** What 1.1.0 added is printed in every version, as libcni does: of a delegated IPAM it is what the route is made of. Zero is a table and a scope, but no size. */
function encodeRoute({ dst, gw, mtu, advmss, priority, table, scope }: Route): JsonObject {
  const sizes = { mtu: mtu || undefined, advmss: advmss || undefined, priority: priority || undefined }
  return compact({ dst: formatCidr(dst), gw: gw && formatAddress(gw), ...sizes, table, scope })
}

function encodeDns({ nameservers, domain, search, options }: Dns): JsonObject {
  return compact({ nameservers: filled(nameservers), domain, search: filled(search), options: filled(options) })
}

/** The list, or undefined where it is empty. */
function filled<T>(values: readonly T[] | undefined): readonly T[] | undefined {
  return values && values.length > 0 ? values : undefined
}

/** Without the keys that have no value, or ''. */
function compact(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  const present: Record<string, Json> = {}
  for (const [key, value] of Object.entries(fields)) if (value !== undefined && value !== '') present[key] = value
  return present
}

/** The same with every object's keys in alphabetical order. */
function sortKeys(object: JsonObject): JsonObject {
  const sorted: Record<string, Json> = {}
  for (const key of Object.keys(object).sort()) sorted[key] = sortValue(object[key] ?? null)
  return sorted
}

function sortValue(value: Json): Json {
  if (isObject(value)) return sortKeys(value)
  return Array.isArray(value) ? value.map(sortValue) : value
}
