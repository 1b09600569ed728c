// Requests of the kit: plain HTTP by Node, so that nothing of podwire's own client hides what a server does.

import { type IncomingMessage, request as send } from 'node:http'
import { isIP } from 'node:net'

export interface Answer {
  readonly status: number
  readonly type: string
  /** Undefined where the body is not a JSON object. */
  readonly json:
    | { readonly version?: unknown; readonly ips?: unknown; readonly error?: { readonly code?: unknown; readonly message?: unknown } }
    | undefined
}

export interface Attachment {
  readonly network: string
  readonly containerID: string
  readonly ifname: string
}

export class Client {
  readonly #address: string

  /** `unix:///PATH` or `http://HOST:PORT` */
  constructor(address: string) {
    this.#address = address
  }

  get(path: string): Promise<Answer> {
    return this.raw('GET', path, '')
  }

  /** With the protocol's version, which `body` may replace. */
  post(verb: string, body: object): Promise<Answer> {
    return this.raw('POST', `/v1/${verb}`, JSON.stringify({ version: 1, ...body }))
  }

  /** Hangs up after `hangUp` milliseconds where that is given; then it throws. */
  raw(method: string, path: string, body: string, hangUp?: number): Promise<Answer> {
    return new Promise((done, fail) => {
      const headers = { connection: 'close', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      const request = send({ ...this.#target(), method, path, headers: method === 'POST' ? headers : { connection: 'close' } })
      request.setTimeout(15_000, () => request.destroy(new Error('no answer in 15 s')))
      request.on('error', fail)
      request.on('response', (response) => read(response).then(done, fail))
      request.end(body)
      if (hangUp !== undefined) setTimeout(() => request.destroy(new Error('hung up')), hangUp)
    })
  }

  #target(): { readonly socketPath: string } | { readonly host: string; readonly port: string } {
    if (this.#address.startsWith('unix://')) return { socketPath: this.#address.slice('unix://'.length) }
    const { hostname, port } = new URL(this.#address)
    return { host: hostname.replace(/^\[|\]$/g, ''), port }
  }
}

/** `10.9.0.2/24` of each `ips` entry. Throws where the answer is not a lease. */
export function leaseOf({ status, json }: Answer): string[] {
  const ips = json?.ips
  if (status !== 200 || !Array.isArray(ips) || ips.length === 0)
    throw new Error(`expected 200 with ips, got ${status} ${JSON.stringify(json)}`)
  return ips.map((entry: unknown) => {
    // Any JSON may be there: what is not a string fails below.
    const { address, gateway } = entry as { address?: unknown; gateway?: unknown }
    const [ip = '', length = ''] = String(address).split('/')
    const family = isIP(ip)
    if (family === 0 || !/^\d+$/.test(length) || Number(length) > (family === 4 ? 32 : 128))
      throw new Error(`not an address with a length: ${address}`)
    if (gateway !== undefined && isIP(String(gateway)) !== family) throw new Error(`gateway ${gateway} of ${address} is not of its family`)
    return String(address)
  })
}

async function read(response: IncomingMessage): Promise<Answer> {
  const parts = await response.toArray()
  const { statusCode: status = 0, headers } = response
  return { status, type: headers['content-type'] ?? '', json: parse(Buffer.concat(parts).toString()) }
}

function parse(text: string): Answer['json'] {
  try {
    const json: unknown = JSON.parse(text)
    // Its keys are looked at one by one.
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as NonNullable<Answer['json']>) : undefined
  } catch {
    return undefined
  }
}
