// The agent's configuration: a JSON file, overridden by flags; NODE_NAME where neither has a name. All problems are reported at once, with their paths.

import { CniError, ErrInvalidNetworkConfig } from '../cni/error.ts'
import { isObject, type JsonObject, parseJson, quote } from '../cni/json.ts'
import { Reader } from '../cni/reader.ts'
import { defaultPaths, type Paths } from '../contract/paths.ts'
import { formatCidr, networkOf, parseCidr } from '../net/cidr.ts'
import type { PlanConfig } from '../node/plan.ts'
import { defaultRouting, type RoutingMode } from '../node/state.ts'
import { type IpamServerConfig, readIpamServer } from './ipam/ipam-config.ts'
import type { KubeApiConfig } from './kube/credentials.ts'

/** What to do about other networks' files in the same directory. */
export type OtherConfigs = 'leave' | 'warn' | 'backup'

export interface AgentConfig {
  readonly nodeName: string
  /** '' for the API server. */
  readonly nodesFile: string
  readonly kubeApi: KubeApiConfig
  readonly plan: PlanConfig
  /** `mode` '' is the installer's. */
  readonly conflist: { readonly publish: boolean; readonly others: OtherConfigs; readonly mode: string }
  readonly ipamServer: IpamServerConfig
  /** Seconds: between two runs of `podwire ipam reclaim`, 0 for none, and its grace period. */
  readonly reclaim: { readonly interval: number; readonly grace: number }
  /** What is written to the API server; nothing where the Nodes come from a file. */
  readonly report: { readonly networkUnavailable: boolean; readonly events: boolean }
  readonly paths: Paths
  /** The native program. */
  readonly native: string
  /** Undefined: no metrics and health. */
  readonly listen: { readonly host: string; readonly port: number } | undefined
  readonly logLevel: string
  /** Seconds between two full passes. */
  readonly fullPass: number
}

/** Every key of the file: docs/configure.md has a line for each. A key with an object has that object's keys. */
export const configKeys = {
  nodeName: '',
  nodesFile: '',
  kubeApi: { kubeconfig: '', host: '', port: '', pageSize: '', idleTimeout: '' },
  routing: { mode: '', device: '', vni: '', port: '' },
  mtu: '',
  masquerade: { enabled: '', exempt: '', randomFully: '' },
  forwardAccept: '',
  clusterCidrs: '',
  serviceCidrs: '',
  conflist: { publish: '', others: '', mode: '' },
  ipamServer: { enabled: '', network: '', pools: '' },
  reclaim: { interval: '', grace: '' },
  report: { networkUnavailable: '', events: '' },
  // The name of `report` before 0.2.
  tell: { networkUnavailable: '', events: '' },
  stateDir: '',
  runDir: '',
  confDir: '',
  confName: '',
  binDir: '',
  native: '',
  listen: '',
  logLevel: '',
  fullPass: '',
} as const

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
const routingModes: readonly RoutingMode[] = ['auto', 'direct', 'vxlan', 'none']
const otherConfigs: readonly OtherConfigs[] = ['leave', 'warn', 'backup']
const defaultNative = `${defaultPaths.binDir}/podwire`

/**
 * `text` is the file's content, '{}' where there is none. `over` are values that override the file's, by top-level key or `kubeApi.kubeconfig`.
 * Throws a CniError that names every problem.
 */
export function parseConfig(text: string, over: ReadonlyMap<string, string>, nodeName = '', native = defaultNative): AgentConfig {
  const json = parseJson(text, 'the configuration')
  if (!isObject(json)) throw new CniError(ErrInvalidNetworkConfig, `invalid configuration: expected an object, got ${quote(json)}`)
  const reader = new Reader(overlay(json, over))
  reportUnknown(json, configKeys, '', reader)
  const config = readConfig(reader, nodeName, native)
  if (config.nodeName === '') reader.issue('nodeName', 'the node has no name: set it here, by --node-name or by NODE_NAME')
  reader.report('invalid configuration')
  return config
}

function overlay(json: JsonObject, over: ReadonlyMap<string, string>): JsonObject {
  const values: { [key: string]: JsonObject[string] } = { ...json }
  for (const [key, value] of over) {
    const [outer = '', inner] = key.split('.')
    const object = values[outer]
    values[outer] = inner === undefined ? value : { ...(isObject(object) ? object : {}), [inner]: value }
  }
  return values
}

/** An unknown key is a typing error, which would otherwise go unnoticed. */
function reportUnknown(json: JsonObject, known: Readonly<Record<string, unknown>>, path: string, reader: Reader): void {
  for (const [key, value] of Object.entries(json)) {
    const inner = Object.hasOwn(known, key) ? known[key] : undefined
    if (inner === undefined) reader.issue(path + key, `unknown key (known: ${Object.keys(known).join(' ')})`)
    else if (isObject(value) && typeof inner === 'object' && inner !== null) reportUnknown(value, { ...inner }, `${path}${key}.`, reader)
  }
}

function readConfig(reader: Reader, nodeName: string, native: string): AgentConfig {
  const kubeApi = section(reader, 'kubeApi')
  const conflist = section(reader, 'conflist')
  const reclaim = section(reader, 'reclaim')
  const report = section(reader, reader.has('report') ? 'report' : 'tell')
  return {
    nodeName: reader.string('nodeName') || nodeName,
    nodesFile: reader.string('nodesFile') ?? '',
    kubeApi: {
      kubeconfig: kubeApi.string('kubeconfig') ?? '',
      host: kubeApi.string('host') ?? '',
      port: kubeApi.integer('port', 0, 65535) ?? 0,
      pageSize: kubeApi.integer('pageSize', 1, 10_000) ?? 500,
      idleTimeout: kubeApi.integer('idleTimeout', 1, 3600) ?? 150,
    },
    plan: readPlan(reader),
    conflist: {
      publish: conflist.boolean('publish') ?? true,
      others: oneOf(conflist, 'others', otherConfigs, 'warn'),
      mode: readMode(conflist),
    },
    report: { networkUnavailable: report.boolean('networkUnavailable') ?? false, events: report.boolean('events') ?? false },
    ipamServer: readIpamServer(section(reader, 'ipamServer')),
    reclaim: { interval: reclaim.integer('interval', 0, 86_400) ?? 300, grace: reclaim.integer('grace', 120, 86_400) ?? 600 },
    paths: {
      stateDir: directory(reader, 'stateDir', defaultPaths.stateDir),
      runDir: directory(reader, 'runDir', defaultPaths.runDir),
      confDir: directory(reader, 'confDir', defaultPaths.confDir),
      confName: readConfName(reader),
      binDir: directory(reader, 'binDir', defaultPaths.binDir),
    },
    native: reader.string('native') || native,
    listen: readListen(reader),
    logLevel: oneOf(reader, 'logLevel', logLevels, 'info'),
    fullPass: reader.integer('fullPass', 1, 3600) ?? 60,
  }
}

function readPlan(reader: Reader): PlanConfig {
  const routing = section(reader, 'routing')
  const masquerade = section(reader, 'masquerade')
  const mtu = reader.integer('mtu', 0, 65535) ?? 0
  if (mtu !== 0 && mtu < 1280) reader.issue('mtu', `expected 0 (from the device) or at least 1280, IPv6's minimum, got ${mtu}`)
  return {
    routing: {
      mode: oneOf(routing, 'mode', routingModes, defaultRouting.mode),
      device: routing.string('device') ?? defaultRouting.device,
      vni: routing.integer('vni', 1, 0xffffff) ?? defaultRouting.vni,
      port: routing.integer('port', 1, 65535) ?? defaultRouting.port,
    },
    mtu,
    masquerade: {
      enabled: masquerade.boolean('enabled') ?? true,
      exempt: subnets(masquerade, 'exempt'),
      randomFully: masquerade.boolean('randomFully') ?? true,
    },
    forwardAccept: reader.boolean('forwardAccept') ?? true,
    clusterCidrs: subnets(reader, 'clusterCidrs'),
    serviceCidrs: subnets(reader, 'serviceCidrs'),
  }
}

/** The object at `key`, or one without keys. */
function section(reader: Reader, key: string): Reader {
  return reader.object(key, (inner) => inner) ?? new Reader({})
}

function oneOf<T extends string>(reader: Reader, key: string, known: readonly T[], fallback: T): T {
  const text = reader.string(key)
  if (text === undefined) return fallback
  const found = known.find((word) => word === text)
  if (found === undefined) reader.issue(key, `expected one of ${known.join(', ')}, got ${quote(text)}`)
  return found ?? fallback
}

/** Host bits are cleared: people write the address of a gateway for the subnet. */
function subnets(reader: Reader, key: string): string[] {
  return (reader.strings(key) ?? []).flatMap((text, i) => {
    try {
      return [formatCidr(networkOf(parseCidr(text)))]
    } catch {
      reader.issue(`${key}[${i}]`, `expected CIDR notation, got ${quote(text)}`)
      return []
    }
  })
}

function directory(reader: Reader, key: string, fallback: string): string {
  const path = reader.string(key) || fallback
  if (!path.startsWith('/')) reader.issue(key, `expected an absolute path, got ${quote(path)}`)
  return path
}

function readConfName(reader: Reader): string {
  const name = reader.string('confName') || defaultPaths.confName
  if (name.includes('/') || !name.endsWith('.conflist'))
    reader.issue('confName', `expected a file name that ends in .conflist, got ${quote(name)}`)
  return name
}

function readMode(reader: Reader): string {
  const mode = reader.string('mode') ?? ''
  if (mode !== '' && !/^0?[0-7]{3}$/.test(mode)) reader.issue('mode', `expected octal digits, as 0600, got ${quote(mode)}`)
  return mode
}

function readListen(reader: Reader): AgentConfig['listen'] {
  const text = reader.string('listen') ?? ':9465'
  if (text === '') return undefined
  const [, bracketed, plain = '', digits = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port > 65535) reader.issue('listen', `expected ADDRESS:PORT, :PORT or '', got ${quote(text)}`)
  return { host: bracketed ?? plain, port }
}
