// The IPAM server: the protocol of docs/ipam.md over HTTP on a Unix socket of this node, which root alone may use.

import { chmodSync, renameSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import type { JsonObject } from '../../cni/json.ts'
import { reasonOf } from '../failure.ts'
import type { Logger } from '../log.ts'
import { listening, serveUntil } from '../loop/serve-until.ts'
import { InTurn } from './in-turn.ts'
import { IpamError, protocolVersion, readAllocate, readAttachment, readBody, readGc } from './protocol.ts'
import { allocate, check, requireNetwork, status, type VerbParts } from './verbs.ts'

/** Of a request's body: GC has a line for each pod. */
const MAX_BODY = 1 << 20

/** Serves at `path` until `signal`. */
export function serveIpam(path: string, parts: VerbParts, log: Logger, signal: AbortSignal): Promise<void> {
  const turns = new InTurn()
  const listen = async (): Promise<Server> => {
    const server = createServer({ maxHeaderSize: 8 << 10, requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
      answer(request, response, parts, turns, log).catch((error) => log.error({ reason: reasonOf(error) }, 'IPAM request failed'))
    })
    await listenAt(server, path)
    log.info({ path, network: parts.network, pools: parts.pools.map(({ name }) => name) }, 'serving IPAM')
    return server
  }
  return serveUntil(signal, listen, (reason) => log.error({ reason, path }, 'cannot serve IPAM; retrying'))
}

/** Under another name first: Node removes the name that it has bound when it closes, which would be the next agent's. */
async function listenAt(server: Server, path: string): Promise<void> {
  const temp = join(dirname(path), `.ipam-${process.pid}.sock`)
  rmSync(temp, { force: true })
  await listening(server, (done) => server.listen(temp, done))
  chmodSync(temp, 0o600)
  renameSync(temp, path)
}

async function answer(request: IncomingMessage, response: ServerResponse, parts: VerbParts, turns: InTurn, log: Logger): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://agent')
  try {
    const body = request.method === 'GET' ? '' : await readAll(request)
    send(response, 200, await perform(`${request.method} ${url.pathname}`, url, body, response, parts, turns))
  } catch (error) {
    const known = error instanceof IpamError ? error : new IpamError('unavailable', reasonOf(error))
    log.warn({ call: url.pathname, code: known.code, reason: known.message }, 'IPAM request rejected')
    send(response, known.status, { error: { code: known.code, message: known.message } })
  }
}

async function perform(
  call: string,
  url: URL,
  body: string,
  response: ServerResponse,
  parts: VerbParts,
  turns: InTurn,
): Promise<JsonObject> {
  if (call === 'GET /v1/status') return status(parts, url.searchParams.get('network') ?? '')
  if (call === 'POST /v1/allocate') {
    const asked = readAllocate(readBody(body))
    const deadline = performance.now() + asked.timeout
    return turns.run(keyOf(asked), () => allocate(parts, asked, () => !response.destroyed && performance.now() < deadline))
  }
  if (call === 'POST /v1/release') {
    const attachment = readAttachment(readBody(body))
    requireNetwork(parts, attachment)
    await turns.run(keyOf(attachment), () => parts.hostLocal.del(attachment))
    return {}
  }
  if (call === 'POST /v1/check') {
    const attachment = readAttachment(readBody(body))
    return turns.run(keyOf(attachment), () => check(parts, attachment))
  }
  if (call === 'POST /v1/gc') {
    const { network, valid } = readGc(readBody(body))
    requireNetwork(parts, { network })
    await parts.hostLocal.gc(network, valid)
    return {}
  }
  throw new IpamError('invalid', `no such call: ${call}`)
}

function keyOf({ network, containerID, ifname }: { network: string; containerID: string; ifname: string }): string {
  return `${network} ${containerID} ${ifname}`
}

async function readAll(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request) {
    length += part.length
    if (length > MAX_BODY) throw new IpamError('invalid', `the request is over ${MAX_BODY} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

function send(response: ServerResponse, code: number, body: JsonObject): void {
  const text = JSON.stringify({ version: protocolVersion, ...body, cniVersion: undefined })
  response.writeHead(code, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  response.end(text)
}
