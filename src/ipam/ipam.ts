// The one door to address management for plugins that attach: integrated for the types built in, with the same files and answers as their
// own programs but no second process; delegated for every other type, as SPEC section 4 says.

import { delegate, delegateAdd } from '../cni/delegate.ts'
import type { ConfigContext, GcRequest, Request, StatusRequest } from '../cni/plugin.ts'
import type { Reader } from '../cni/reader.ts'
import type { Result } from '../cni/types.ts'
import { loadSegment } from '../host/segment.ts'
import { hostLocalIpam } from './host-local.ts'
import { staticIpam } from './static.ts'

/** Takes the caller's own requests; the caller's configuration is not used. */
export interface Ipam {
  /** The server of the addresses is reached by the pod's interface, which has to exist from before `add` until after `del`. */
  readonly needsLink: boolean
  add(request: Request<unknown>): Result
  del(request: Request<unknown>): void
  check(request: Request<unknown>): void
  gc(request: GcRequest<unknown>): void
  status(request: StatusRequest<unknown>): void
}

/**
 * The IPAM that `ipam.type` names; undefined where there is none. An integrated one reads its options off the caller's top-level reader, so that all
 * problems are reported together.
 */
export function readIpam(reader: Reader, context: ConfigContext): Ipam | undefined {
  const type = reader.object('ipam', (ipam) => ipam.string('type'))
  if (!type) return undefined
  if (type === 'host-local') return integrate(hostLocalIpam, reader, context)
  if (type === 'static') return integrate(staticIpam, reader, context)
  if (type === 'rpc' || type === 'podwire-ipam-rpc') return integrate(loadRpcIpam(), reader, context)
  return delegated(type)
}

/** IPAM by a service, read only by a network that has it. The name is that of build/plugins.sh. */
export const loadRpcIpam = () => loadSegment<typeof import('./rpc/index.ts')>('ipam-rpc').rpcIpam

/** An IPAM program's verbs, which find their options in the request. */
interface Integrated<Config> {
  readonly config: (reader: Reader, context: ConfigContext) => Config
  readonly add: (request: Request<Config>) => Result
  readonly del: (request: Request<Config>) => void
  readonly check: (request: Request<Config>) => void
  readonly gc: (request: GcRequest<Config>) => void
  readonly status: (request: StatusRequest<Config>) => void
}

function integrate<Config>(ipam: Integrated<Config>, reader: Reader, context: ConfigContext): Ipam {
  const config = ipam.config(reader, context)
  return {
    needsLink: false,
    add: (request) => ipam.add({ ...request, config }),
    del: (request) => ipam.del({ ...request, config }),
    check: (request) => ipam.check({ ...request, config }),
    gc: (request) => ipam.gc({ ...request, config }),
    status: (request) => ipam.status({ ...request, config }),
  }
}

function delegated(type: string): Ipam {
  return {
    needsLink: type === 'dhcp',
    add: (request) => delegateAdd(type, request),
    del: (request) => delegate(type, 'DEL', request),
    check: (request) => delegate(type, 'CHECK', request),
    gc: (request) => delegate(type, 'GC', request),
    status: (request) => delegate(type, 'STATUS', request),
  }
}
