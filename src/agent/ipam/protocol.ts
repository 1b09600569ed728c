// The protocol of docs/ipam.md as the server sees it: requests read off JSON, and errors with the code that the plugin knows.

import { formatError, toCniError } from '../../cni/error.ts'
import { isObject, type JsonObject, parseJson } from '../../cni/json.ts'
import { Reader } from '../../cni/reader.ts'

export const protocolVersion = 1

/** HTTP status of each error code. */
const statuses = { invalid: 400, 'not-found': 404, exhausted: 409, taken: 409, unavailable: 503 } as const

/** An answer that is an error of the protocol. */
export class IpamError extends Error {
  override readonly name = 'IpamError'
  readonly code: keyof typeof statuses

  constructor(code: keyof typeof statuses, message: string) {
    super(message)
    this.code = code
  }

  get status(): number {
    return statuses[this.code]
  }
}

export interface Attachment {
  readonly network: string
  readonly containerID: string
  readonly ifname: string
}

export interface AllocateRequest extends Attachment {
  /** '' for none. */
  readonly pool: string
  readonly ips: readonly string[]
  /** '' where the runtime sent none. */
  readonly podNamespace: string
  readonly podName: string
  /** Milliseconds that the client waits. */
  readonly timeout: number
}

/** The object of a request's body. Throws an IpamError `invalid`, for another version as well. */
export function readBody(text: string): Reader {
  try {
    const json = parseJson(text, 'the request')
    if (!isObject(json)) throw new IpamError('invalid', 'the request is not a JSON object')
    const { version } = json as JsonObject
    if (version === protocolVersion) return new Reader(json)
    throw new IpamError('invalid', `version ${JSON.stringify(version)} is not supported, ${protocolVersion} is`)
  } catch (error) {
    throw error instanceof IpamError ? error : new IpamError('invalid', formatError(toCniError(error)))
  }
}

export function readAttachment(reader: Reader): Attachment {
  const attachment = {
    network: required(reader, 'network'),
    containerID: required(reader, 'containerID'),
    ifname: required(reader, 'ifname'),
  }
  requireNoIssue(reader)
  return attachment
}

export function readAllocate(reader: Reader): AllocateRequest {
  const arg = (key: string) => reader.object('args', (args) => args.string(key)) ?? ''
  const request = {
    ...readAttachment(reader),
    pool: reader.string('pool') ?? '',
    ips: reader.strings('ips') ?? [],
    podNamespace: arg('K8S_POD_NAMESPACE'),
    podName: arg('K8S_POD_NAME'),
    timeout: reader.integer('timeoutMs', 1, 600_000) ?? 10_000,
  }
  requireNoIssue(reader)
  return request
}

/** GC's: the network, and the attachments that live. */
export function readGc(reader: Reader): { readonly network: string; readonly valid: readonly Omit<Attachment, 'network'>[] } {
  const network = required(reader, 'network')
  if (!reader.has('valid')) reader.issue('valid', 'is missing')
  const valid = reader.objects('valid', (entry) => ({ containerID: required(entry, 'containerID'), ifname: required(entry, 'ifname') }))
  requireNoIssue(reader)
  return { network, valid: valid ?? [] }
}

function required(reader: Reader, key: string): string {
  if (!reader.has(key)) reader.issue(key, 'is missing')
  return reader.string(key) ?? ''
}

function requireNoIssue(reader: Reader): void {
  if (reader.issues.length > 0) throw new IpamError('invalid', reader.issues.join('; '))
}
