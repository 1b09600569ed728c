// One HTTP/1.1 request and its response (RFC 9112), as much of it as a service needs: Content-Length or chunks, each part with a limit.

import { CniError, ErrDecodingFailure } from '../../cni/error.ts'
import { ECONNRESET } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import { type Connection, withConnection } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import { Incoming } from './incoming.ts'

/** Of status line and headers, or of a chunk's line. */
const MAX_HEAD = 16 << 10
/** Of the body: an answer has some hundred bytes. */
export const MAX_BODY = 256 << 10

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** '' for none. */
  readonly body: string
}

export interface HttpResponse {
  readonly status: number
  readonly body: string
}

/**
 * `onSent` is called when the peer may have read the request. Throws a SysError where there is no whole answer by `deadline`, and a CniError 6 where
 * the answer is not HTTP or is over a limit.
 */
export function exchange(endpoint: Endpoint, request: HttpRequest, deadline: number, onSent: () => void): HttpResponse {
  return withConnection(endpoint, deadline, (connection) => {
    onSent()
    connection.send(encode(request, endpoint.host))
    return readResponse(connection.receive)
  })
}

function encode({ method, path, body }: HttpRequest, host: string): Uint8Array {
  const bytes = new Uint8Array(sys.encodeUtf8(body))
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, 'Accept: application/json', 'Connection: close']
  if (method === 'POST') lines.push('Content-Type: application/json', `Content-Length: ${bytes.length}`)
  const head = new Uint8Array(sys.encodeUtf8(`${lines.join('\r\n')}\r\n\r\n`))
  const whole = new Uint8Array(head.length + bytes.length)
  whole.set(head)
  whole.set(bytes, head.length)
  return whole
}

/** `receive` returns what has come, an empty buffer at the end. Throws as `exchange` does. */
export function readResponse(receive: Connection['receive']): HttpResponse {
  const incoming = new Incoming(() => {
    const part = receive()
    // As good as a reset: the answer may have been cut anywhere.
    if (part.byteLength === 0) throw new SysError('receive: the connection ended before the answer did', ECONNRESET)
    return part
  })
  const status = readStatus(incoming.line(MAX_HEAD))
  const headers = readHeaders(incoming)
  const body = isChunked(headers) ? readChunks(incoming) : incoming.take(readLength(headers))
  return { status, body: sys.decodeUtf8(body.buffer, 0, body.length) }
}

function readStatus(line: string): number {
  const [version = '', code = ''] = line.split(' ')
  const status = version.startsWith('HTTP/1.') && code.length === 3 ? parseDigits(code, 10) : undefined
  if (status === undefined || status < 200) return malformed(`expected the status line of a final response, got ${quoted(line)}`)
  return status
}

function readHeaders(incoming: Incoming): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (let room = MAX_HEAD; ; ) {
    const line = incoming.line(room)
    if (line === '') return headers
    room -= line.length
    const colon = line.indexOf(':')
    if (colon <= 0) return malformed(`expected a header, got ${quoted(line)}`)
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name === 'content-length' && headers.has(name) && headers.get(name) !== value) return malformed('two different Content-Lengths')
    headers.set(name, value)
  }
}

function isChunked(headers: ReadonlyMap<string, string>): boolean {
  const coding = headers.get('transfer-encoding')?.toLowerCase()
  if (coding !== undefined && coding !== 'chunked') return malformed(`Transfer-Encoding ${quoted(coding)} is not supported`)
  return coding !== undefined
}

/** A body that only the end of the connection ends could be cut without a trace. */
function readLength(headers: ReadonlyMap<string, string>): number {
  const text = headers.get('content-length')
  if (text === undefined) return malformed('neither Content-Length nor Transfer-Encoding: chunked')
  const length = parseDigits(text, 10)
  if (length === undefined) return malformed(`expected a number as Content-Length, got ${quoted(text)}`)
  return length <= MAX_BODY ? length : malformed(`the body is over ${MAX_BODY} bytes`)
}

function readChunks(incoming: Incoming): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(MAX_BODY)
  for (let length = 0; ; ) {
    const line = incoming.line(MAX_HEAD)
    const size = parseDigits((line.split(';')[0] ?? '').trim(), 16)
    if (size === undefined) return malformed(`expected the size of a chunk, got ${quoted(line)}`)
    if (length + size > MAX_BODY) return malformed(`the body is over ${MAX_BODY} bytes`)
    if (size === 0) {
      readHeaders(incoming)
      return body.slice(0, length)
    }
    body.set(incoming.take(size), length)
    length += size
    if (incoming.line(MAX_HEAD) !== '') return malformed('a chunk is longer than its size')
  }
}

function parseDigits(text: string, radix: 10 | 16): number | undefined {
  const digits = '0123456789abcdef'.slice(0, radix)
  const isNumber = text !== '' && text.length <= 8 && [...text.toLowerCase()].every((char) => digits.includes(char))
  return isNumber ? Number.parseInt(text, radix) : undefined
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
}

function malformed(problem: string): never {
  throw new CniError(ErrDecodingFailure, `the answer is not HTTP/1.1: ${problem}`)
}
