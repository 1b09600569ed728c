// IPAM by a service: each verb is one call of the protocol (docs/ipam.md). Read as a segment of its own by networks that have it.

import { requirePrevResult } from '../../cni/config.ts'
import { CniError, ErrDecodingFailure, ErrInternal, ErrPluginNotAvailable, ErrTryAgainLater, toCniError } from '../../cni/error.ts'
import type { JsonObject } from '../../cni/json.ts'
import type { GcRequest, Request, StatusRequest } from '../../cni/plugin.ts'
import type { Reader } from '../../cni/reader.ts'
import type { Attachment, Result } from '../../cni/types.ts'
import { withUndo } from '../../cni/undo.ts'
import { formatAddress, sameAddress } from '../../net/address.ts'
import { readAllocation, readLease } from './answer.ts'
import { callService, ServiceError, type ServiceVerb } from './call.ts'
import { type RpcConfig, readRpcConfig } from './config.ts'
import { forgetRelease, releaseOrStore, replay, replayInPassing } from './release-or-store.ts'
import { countReleases } from './spool.ts'

export { countReleases, replay }

export const rpcIpam = { config: readRpcConfig, add, del, check, gc, status }

/** Milliseconds of pause before each repeated attempt: a service that restarts is back by then. */
const PAUSES = [50, 200, 800]
/** Milliseconds. A runtime calls STATUS every few seconds, and a slow answer makes the node NotReady. */
const STATUS_TIMEOUT = 2_000

/** Whatever fails after the service may have allocated, what it allocated is released. */
function add(request: Request<RpcConfig>): Result {
  const { config } = request
  forgetRelease(config, request)
  const result = withUndo((undo) => {
    const reader = allocate(request, (error) => {
      if (error.mayBeDone) undo('release the addresses', () => del(request))
    })
    undo('release the addresses', () => del(request))
    const { routes, ...rest } = readAllocation(reader, config.requested)
    report(reader, request, 'allocate')
    return { ...rest, routes: routes.length > 0 ? routes : config.routes }
  })
  replayInPassing(config)
  return result
}

/** Once more where a stored release was what the pool lacked. */
function allocate(request: Request<RpcConfig>, failed: (error: ServiceError) => void): Reader {
  const attempt = () => call(request, 'allocate', subjectOf(request), allocationOf(request), failed)
  try {
    return attempt()
  } catch (error) {
    const isLacking = error instanceof ServiceError && error.rejected && error.code === ErrTryAgainLater
    if (!isLacking || replayInPassing(request.config) === 0) throw error
    return attempt()
  }
}

/** Succeeds with the service away, and with a configuration that names none. */
function del(request: Request<RpcConfig>): void {
  releaseOrStore(request.config, request)
}

/** The service has a lease of the attachment, and prevResult has each address of it. */
function check(request: Request<RpcConfig>): void {
  const prevResult = requirePrevResult(request, 'CHECK')
  const reader = call(request, 'check', subjectOf(request), attachmentOf(request))
  const ips = readLease(reader)
  report(reader, request, 'check')
  for (const { address } of ips) {
    if (prevResult.ips.some((ip) => sameAddress(ip.address.address, address.address))) continue
    const leased = formatAddress(address.address)
    throw new CniError(
      ErrInternal,
      `check the addresses of ${subjectOf(request)}: prevResult lacks ${leased}, which the IPAM service has leased to it`,
    )
  }
}

/** Without a list nothing is known to be stale. */
function gc(request: GcRequest<RpcConfig>): void {
  const { valid, network } = request
  if (!valid) return
  const attachments = valid.map(({ containerId, ifname }) => ({ containerID: containerId, ifname }))
  call(request, 'gc', `network ${network}`, { network, valid: attachments })
  replayInPassing(request.config)
}

/** Whatever is wrong with the service, ADD would fail: code 50. A runtime then makes the node NotReady, which `checkStatus: false` is against. */
function status(request: StatusRequest<RpcConfig>): void {
  const { config, network } = request
  if (!config.checkStatus) return
  try {
    const query = `?network=${network}${config.pool && `&pool=${encodeURIComponent(config.pool)}`}`
    const limited = { ...request, config: { ...config, timeout: Math.min(config.timeout, STATUS_TIMEOUT) } }
    call(limited, 'status', `network ${network}`, {}, undefined, query)
  } catch (error) {
    const { message, details } = toCniError(error)
    throw new CniError(ErrPluginNotAvailable, message, details)
  }
}

function call(
  { config }: { readonly config: RpcConfig },
  verb: ServiceVerb,
  subject: string,
  body: JsonObject,
  failed?: (error: ServiceError) => void,
  query = '',
): Reader {
  const { endpoint, timeout } = config
  // The reader has reported its absence; only DEL comes here without, and not as far as this.
  if (!endpoint) throw new RangeError('an IPAM service without an address')
  try {
    const pauses = verb === 'allocate' || verb === 'check' ? PAUSES : []
    return callService({ endpoint, verb, subject, query, body, timeout, pauses })
  } catch (error) {
    if (error instanceof ServiceError) failed?.(error)
    throw error
  }
}

function report(reader: Reader, request: Request<RpcConfig>, verb: ServiceVerb): void {
  const place = `${request.config.endpoint?.text ?? ''}: the answer to ${verb} for ${subjectOf(request)} cannot be used`
  reader.report(`IPAM service ${place}`, ErrDecodingFailure)
}

function allocationOf(request: Request<RpcConfig>): JsonObject {
  const { pool, pod, timeout, requested } = request.config
  return {
    ...attachmentOf(request),
    ...(pool && { pool }),
    ...(requested.length > 0 && { ips: requested.map(formatAddress) }),
    args: pod,
    timeoutMs: timeout,
  }
}

function attachmentOf({ network, containerId, ifname }: Attachment): JsonObject {
  return { network, containerID: containerId, ifname }
}

function subjectOf({ network, containerId, ifname }: Attachment): string {
  return `${containerId} ${ifname} of network ${network}`
}
