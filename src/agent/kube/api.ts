// Reads from the API server: one keep-alive connection, a timeout on every silence.

import type { ClientRequest, IncomingMessage } from 'node:http'
import http from 'node:http'
import https from 'node:https'
import { apiErrorOf, retryAfterOf } from './api-error.ts'
import { type KubeApiConfig, loadCredentials } from './credentials.ts'
import type { Sink } from './sink.ts'

export interface ReadOptions {
  readonly signal: AbortSignal
  /** Milliseconds without a byte, before and within the answer. */
  readonly idle: number
  /** Called for each chunk, before it is read. */
  readonly beat?: () => void
}

/** Tokens are renewed on the disk before they expire; client-go looks each minute, too. */
const CREDENTIALS_AGE = 60_000

/** Has a lifetime: a connection, and credentials that are reread each minute and after a failure. A failure aborts the other requests. */
export class Api {
  readonly #config: KubeApiConfig
  #bytes = 0
  #session: Session | undefined

  constructor(config: KubeApiConfig) {
    this.#config = config
  }

  /** Of all answers' bodies so far. */
  get bytesRead(): number {
    return this.#bytes
  }

  /** GETs `path`, writes its body to `sink` and returns when it has ended. Anything but 200 is an ApiError; a body that breaks off is an error, too. */
  async read(path: string, sink: Sink, options: ReadOptions): Promise<void> {
    try {
      const session = await this.#open()
      await exchange(session, path, options, (chunk) => {
        this.#bytes += chunk.length
        options.beat?.()
        sink.write(chunk)
      })
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Drops the connection: a next request makes a new one, with what the credentials then are. */
  close(): void {
    this.#session?.agent.destroy()
    this.#session = undefined
  }

  async #open(): Promise<Session> {
    const before = this.#session
    if (before && performance.now() - before.since < CREDENTIALS_AGE) return before
    this.#session = await openSession(this.#config, before?.agent)
    return this.#session
  }
}

interface Session {
  readonly server: URL
  readonly options: https.RequestOptions
  readonly agent: http.Agent
  /** As performance.now() has it. */
  readonly since: number
}

const keepAlive = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: 1 }

async function openSession(config: KubeApiConfig, previous: http.Agent | undefined): Promise<Session> {
  const credentials = loadCredentials(config)
  const cluster = credentials.getCurrentCluster()
  const server = new URL(cluster?.server ?? '')
  const options: https.RequestOptions = { headers: { Accept: 'application/json', 'User-Agent': 'podwire-agent' } }
  await credentials.applyToHTTPSOptions(options)
  const agent = previous ?? (cluster?.proxyUrl && options.agent instanceof http.Agent ? options.agent : keepAliveAgent(server))
  return { server, options, agent, since: performance.now() }
}

/** client-node's own agent opens a connection for each request. */
function keepAliveAgent(server: URL): http.Agent {
  return server.protocol === 'https:' ? new https.Agent(keepAlive) : new http.Agent(keepAlive)
}

function exchange(
  { server, options, agent }: Session,
  path: string,
  { signal, idle }: ReadOptions,
  onChunk: (chunk: Buffer) => void,
): Promise<void> {
  return new Promise((done, fail) => {
    const what = `GET ${path}`
    const { request: send } = server.protocol === 'https:' ? https : http
    const { hostname, port } = server
    const request: ClientRequest = send({
      ...options,
      agent,
      host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
      port: port || (server.protocol === 'https:' ? 443 : 80),
      path: server.pathname.replace(/\/$/, '') + path,
      signal,
    })
    const finish = (error?: Error) => {
      clearTimeout(silence)
      if (error) fail(error)
      else done()
    }
    // Not by an event of the request: destroying one whose answer is complete emits none.
    const giveUp = (error: Error) => {
      finish(error)
      request.destroy()
    }
    const silence = setTimeout(() => giveUp(new Error(`${what}: no byte in ${idle / 1000} s`)), idle)
    request.on('error', finish)
    request.on('response', (response) => {
      const rejected = response.statusCode !== 200
      let errorBody = ''
      response.on('data', (chunk: Buffer) => {
        silence.refresh()
        try {
          if (!rejected) onChunk(chunk)
          else if (errorBody.length < 64 << 10) errorBody += chunk.toString()
        } catch (error) {
          giveUp(error instanceof Error ? error : new Error(String(error)))
        }
      })
      response.on('end', () => finish(rejected ? errorOf(response, errorBody, what) : undefined))
      // A truncated answer has no end.
      response.on('close', () => finish(new Error(`${what}: the connection broke`)))
    })
    request.end()
  })
}

function errorOf(response: IncomingMessage, body: string, what: string): Error {
  const retryAfter = retryAfterOf(response.headers['retry-after'])
  return apiErrorOf(response.statusCode ?? 0, body, what, retryAfter)
}
