// One call of the service: attempts until the deadline, and every way to fail as one kind of error.

import {
  CniError,
  ErrDecodingFailure,
  ErrInternal,
  ErrInvalidNetworkConfig,
  ErrTryAgainLater,
  ErrUnknownContainer,
} from '../../cni/error.ts'
import { isObject, type JsonObject, parseJson, quote } from '../../cni/json.ts'
import { Reader } from '../../cni/reader.ts'
import { isSysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import { now } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import { exchange, type HttpResponse } from './http.ts'

/** Of requests and answers: another number is another protocol (docs/ipam.md). */
export const protocolVersion = 1

export type ServiceVerb = 'allocate' | 'release' | 'check' | 'gc' | 'status'

export interface Call {
  readonly endpoint: Endpoint
  readonly verb: ServiceVerb
  /** What it is about, for messages: `c1 eth0 of network net`. */
  readonly subject: string
  /** Of `status` what follows the path. */
  readonly query?: string
  readonly body: JsonObject
  /** Milliseconds for all attempts together. */
  readonly timeout: number
  /** Milliseconds of pause before each attempt after the first; [] tries once. */
  readonly pauses: readonly number[]
}

/** A call that did not succeed. */
export class ServiceError extends CniError {
  /** True where the service answered that it will not, by an error of the protocol. */
  readonly rejected: boolean
  /** True where the service may have processed the request anyway. */
  readonly mayBeDone: boolean

  constructor(code: number, message: string, details: string, { rejected, mayBeDone }: { rejected: boolean; mayBeDone: boolean }) {
    super(code, message, details)
    this.rejected = rejected
    this.mayBeDone = mayBeDone
  }
}

/** CNI codes of the protocol's. */
const codes: Readonly<Record<string, number>> = {
  exhausted: ErrTryAgainLater,
  taken: ErrTryAgainLater,
  unavailable: ErrTryAgainLater,
  invalid: ErrInvalidNetworkConfig,
  'not-found': ErrUnknownContainer,
}

/** The answer's object. Throws a ServiceError. What an attempt repeats is for the same attachment, so it allocates nothing twice. */
export function callService(call: Call): Reader {
  const started = now()
  const progress = { sent: false }
  for (let attempt = 0; ; attempt++) {
    const pause = call.pauses[attempt]
    try {
      const reader = readAnswer(call, attemptOnce(call, started + call.timeout, progress), progress.sent)
      return reader
    } catch (error) {
      const isLast = pause === undefined || now() + pause >= started + call.timeout
      if (isLast || !isTemporary(error)) throw asServiceError(error, call, { attempts: attempt + 1, started, mayBeDone: progress.sent })
      sys.nanosleep(pause)
    }
  }
}

function attemptOnce({ endpoint, verb, query = '', body }: Call, deadline: number, progress: { sent: boolean }): HttpResponse {
  const method = verb === 'status' ? 'GET' : 'POST'
  const text = method === 'GET' ? '' : JSON.stringify({ version: protocolVersion, ...body })
  return exchange(endpoint, { method, path: `/v1/${verb}${query}`, body: text }, deadline, () => {
    progress.sent = true
  })
}

function readAnswer(call: Call, { status, body }: HttpResponse, mayBeDone: boolean): Reader {
  const isError = status < 200 || status > 299
  const json = parseAnswer(status, body)
  const reader = new Reader(json, '', [])
  const version = reader.value('version')
  if (version !== protocolVersion) {
    throw new CniError(ErrDecodingFailure, `the answer has version ${quote(version)}, expected ${protocolVersion}`)
  }
  if (!isError) return reader
  const code = reader.object('error', (error) => error.string('code')) ?? ''
  const message = reader.object('error', (error) => error.string('message')) || `status ${status} without a message`
  // 503 is a server that is just starting or stopping, with whatever code.
  if (code === 'unavailable') throw new Unavailable(message)
  const rejected = Object.hasOwn(codes, code)
  throw new ServiceError(codes[code] ?? ErrInternal, describe(call, message), code, { rejected, mayBeDone: !rejected && mayBeDone })
}

/** A proxy or a server that breaks answers 5xx with a text of its own. */
function parseAnswer(status: number, body: string): JsonObject {
  try {
    const json = parseJson(body, 'the answer')
    if (isObject(json)) return json
  } catch (error) {
    if (status < 300) throw error
  }
  if (status >= 500) throw new Unavailable(`status ${status}: ${body.trim().slice(0, 200)}`)
  throw new CniError(ErrDecodingFailure, `the answer with status ${status} is not a JSON object: ${quote(body)}`)
}

/** The service cannot answer now. */
class Unavailable extends Error {}

function isTemporary(error: unknown): boolean {
  return error instanceof Unavailable || isSysError(error)
}

interface Failure {
  readonly attempts: number
  readonly started: number
  readonly mayBeDone: boolean
}

function asServiceError(error: unknown, call: Call, { attempts, started, mayBeDone }: Failure): ServiceError {
  if (error instanceof ServiceError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const fate = { rejected: false, mayBeDone }
  if (error instanceof CniError) {
    return new ServiceError(error.code, describe(call, reason), 'not a podwire IPAM service of this version? see docs/ipam.md', fate)
  }
  const tried = `${attempts} attempt${attempts === 1 ? '' : 's'} in ${((now() - started) / 1000).toFixed(1)} s`
  const hint = `${tried}; start the service, or correct ipam.address`
  return new ServiceError(isTemporary(error) ? ErrTryAgainLater : ErrInternal, describe(call, reason), hint, fate)
}

/** `allocate addresses for c1 eth0 of network net: IPAM service unix:///run/podwire/ipam.sock: connect: Connection refused` */
function describe({ verb, subject, endpoint }: Call, reason: string): string {
  return `${work[verb]} ${subject}: IPAM service ${endpoint.text}: ${reason}`
}

const work: Readonly<Record<ServiceVerb, string>> = {
  allocate: 'allocate addresses for',
  release: 'release the addresses of',
  check: 'check the addresses of',
  gc: 'collect stale leases of',
  status: 'request the status of',
}
