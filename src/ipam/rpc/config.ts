// The options of IPAM by a service, read once into what the verbs need.

import type { ConfigContext } from '../../cni/plugin.ts'
import type { Reader } from '../../cni/reader.ts'
import { readWantedRoute } from '../../cni/routes-and-dns.ts'
import type { Route } from '../../cni/types.ts'
import { defaultPaths, releaseSpool } from '../../contract/paths.ts'
import type { Address } from '../../net/address.ts'
import { readRequested } from '../host-local-config.ts'
import { type Endpoint, parseEndpoint } from './endpoint.ts'

export interface RpcConfig {
  /** Absent where DEL has none that can be read: then there is no service to call. */
  readonly endpoint: Endpoint | undefined
  /** The requested pool; '' leaves it to the service. */
  readonly pool: string
  /** Milliseconds for a call with all its attempts. */
  readonly timeout: number
  /** False where STATUS does not depend on the service. */
  readonly checkStatus: boolean
  /** Where releases wait that the service did not answer. */
  readonly spoolDir: string
  /** For a result that has none of its own. */
  readonly routes: readonly Route[]
  readonly requested: readonly Address[]
  /** What the service learns of the pod: the K8S_ keys of CNI_ARGS. */
  readonly pod: Readonly<Record<string, string>>
}

const DEFAULT_TIMEOUT = 10_000
const podKeys = ['K8S_POD_NAMESPACE', 'K8S_POD_NAME', 'K8S_POD_UID']

export function readRpcConfig(reader: Reader, context: ConfigContext): RpcConfig {
  if (!reader.has('ipam')) reader.issue('ipam', 'is missing')
  const isAdding = context.command === 'ADD'
  return {
    endpoint: reader.object('ipam', readEndpoint),
    pool: reader.object('ipam', (ipam) => ipam.string('pool')) ?? '',
    timeout: reader.object('ipam', (ipam) => ipam.integer('timeoutMs', 100, 120_000)) ?? DEFAULT_TIMEOUT,
    checkStatus: reader.object('ipam', (ipam) => ipam.boolean('checkStatus')) ?? true,
    spoolDir: reader.object('ipam', readSpoolDir) ?? releaseSpool(defaultPaths),
    routes: reader.object('ipam', (ipam) => ipam.objects('routes', readWantedRoute)) ?? [],
    requested: isAdding ? readRequested(reader, context) : [],
    pod: isAdding ? podOf(context.args()) : {},
  }
}

function readEndpoint(ipam: Reader): Endpoint | undefined {
  const text = ipam.string('address')
  if (!text) {
    if (!ipam.issues.some((issue) => issue.startsWith(`${ipam.path}.address`))) {
      ipam.issue('address', 'is missing: where the IPAM service listens, as unix:///PATH or http://IP:PORT')
    }
    return undefined
  }
  try {
    return parseEndpoint(text)
  } catch (error) {
    ipam.issue('address', `${error instanceof Error ? error.message : String(error)}, got ${JSON.stringify(text)}`)
    return undefined
  }
}

function readSpoolDir(ipam: Reader): string | undefined {
  const path = ipam.string('spoolDir')
  if (path && !path.startsWith('/')) ipam.issue('spoolDir', `expected an absolute path, got ${JSON.stringify(path)}`)
  return path || undefined
}

function podOf(args: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(podKeys.flatMap((key) => (args.has(key) ? [[key, args.get(key) ?? '']] : [])))
}
