// An API server that knows Nodes only, over real HTTP/1.1: lists in pages, watches with bookmarks, and every way in which the real one fails a client.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type FakeNode, nodeJson } from './node-json.ts'

export interface FakeApiOptions {
  /** The most Nodes in one page, whatever the client asks for. */
  readonly largestPage?: number
  /** Milliseconds between bookmarks; 0 sends none. */
  readonly bookmarks?: number
  /** Of each Node. */
  readonly images?: number
  /** PEM; without it plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** What Authorization must be; others get 401. */
  readonly authorization?: string
}

interface Stored {
  readonly node: FakeNode
  readonly version: number
  readonly beat: number
}
interface Event {
  readonly version: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly stored: Stored
}

/** How to answer the next requests, instead of properly. */
export interface Refusal {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Which requests; all where absent. */
  readonly on?: 'list' | 'more' | 'watch'
}

/** Has a lifetime: a port on 127.0.0.1 until `close`. */
export class FakeApi {
  /** What was asked, in order: `list`, `list continue=…`, `watch 42`. */
  readonly requests: string[] = []
  #bytes = 0
  readonly #options: Required<Pick<FakeApiOptions, 'largestPage' | 'bookmarks' | 'images'>> & FakeApiOptions
  #server: Server | undefined
  #port = 0
  readonly #sockets = new Set<Socket>()
  readonly #watches = new Set<ServerResponse>()
  readonly #nodes = new Map<string, Stored>()
  /** In order; remade when their number says so. */
  #names: readonly string[] = []
  #events: Event[] = []
  #version = 1000
  /** Watches from before it get a 410. */
  #oldest = 1000
  #refusals: Refusal[] = []
  #mute = false
  #bookmarkTimer: NodeJS.Timeout | undefined

  constructor(options: FakeApiOptions = {}) {
    this.#options = { largestPage: Number.POSITIVE_INFINITY, bookmarks: 0, images: 40, ...options }
  }

  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://127.0.0.1:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  /** Of all bodies sent. */
  get bytesSent(): number {
    return this.#bytes
  }

  /** Watches that are open now. */
  get watching(): number {
    return this.#watches.size
  }

  /** Listens; after `stop` on the same port again. */
  async start(): Promise<void> {
    const { tls } = this.#options
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response)
    const server = tls ? createTlsServer({ ...tls }, answer) : createServer(answer)
    server.keepAliveTimeout = 0
    for (const event of ['connection', 'secureConnection']) {
      server.on(event, (socket: Socket) => {
        this.#sockets.add(socket)
        socket.on('close', () => this.#sockets.delete(socket))
        socket.on('error', () => {})
      })
    }
    await new Promise<void>((done, fail) => {
      server.once('error', fail)
      server.listen(this.#port, '127.0.0.1', done)
    })
    this.#server = server
    this.#port = (server.address() as AddressInfo).port
    if (this.#options.bookmarks > 0) this.#bookmarkTimer = setInterval(() => this.bookmark(), this.#options.bookmarks)
  }

  /** The server goes away, and every connection with it. */
  async stop(): Promise<void> {
    clearInterval(this.#bookmarkTimer)
    const server = this.#server
    this.#server = undefined
    const closed = new Promise<void>((done) => (server ? server.close(() => done()) : done()))
    this.breakConnections()
    await closed
  }

  set(node: FakeNode): void {
    this.#store(node, 0, this.#nodes.has(node.name) ? 'MODIFIED' : 'ADDED')
  }

  /** As a kubelet writes its status: nothing changes but times. */
  heartbeat(name: string): void {
    const stored = this.#nodes.get(name)
    if (stored) this.#store(stored.node, stored.beat + 1, 'MODIFIED')
  }

  delete(name: string): void {
    const stored = this.#nodes.get(name)
    if (!stored) return
    this.#nodes.delete(name)
    this.#names = []
    this.#send({ version: ++this.#version, type: 'DELETED', stored })
  }

  /** Changes that no watch gets, as while a client was away for too long. */
  forgetHistory(): void {
    this.#oldest = ++this.#version
    this.#events = []
  }

  /** Answers the next requests so. */
  refuse(...refusals: readonly Refusal[]): void {
    this.#refusals.push(...refusals)
  }

  /** Cuts every connection, in whatever state. */
  breakConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Ends every watch with the event that says that its version is too old. */
  goneWatches(): void {
    this.forgetHistory()
    for (const watch of this.#watches) {
      this.#write(watch, `${JSON.stringify({ type: 'ERROR', object: goneStatus })}\n`)
      watch.end()
    }
    this.#watches.clear()
  }

  /** Open watches stay open and say nothing more, like a connection whose other end is gone. New ones work. */
  muteWatches(): void {
    for (const watch of this.#watches) watch.removeAllListeners('close')
    this.#watches.clear()
  }

  /** Accepts connections and answers nothing, until called with false. */
  mute(yes: boolean): void {
    this.#mute = yes
  }

  /** Sends this to every watch as it stands. */
  sendRaw(text: string): void {
    for (const watch of this.#watches) this.#write(watch, text)
  }

  bookmark(): void {
    const object = {
      kind: 'Node',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(this.#version), creationTimestamp: null },
      spec: {},
      status: {},
    }
    this.sendRaw(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
  }

  #store(node: FakeNode, beat: number, type: Event['type']): void {
    const stored = { node, version: ++this.#version, beat }
    this.#nodes.set(node.name, stored)
    this.#send({ version: stored.version, type, stored })
  }

  #send(event: Event): void {
    this.#events.push(event)
    if (this.#events.length > 20_000) {
      this.#events = this.#events.slice(10_000)
      this.#oldest = this.#events[0]?.version ?? this.#version
    }
    if (this.#watches.size === 0) return
    const line = this.#line(event)
    for (const watch of this.#watches) this.#write(watch, line)
  }

  #line({ type, stored, version }: Event): string {
    return `{"type":"${type}","object":${nodeJson(stored.node, version, stored.beat, this.#options.images)}}\n`
  }

  #write(response: ServerResponse, text: string): void {
    this.#bytes += Buffer.byteLength(text)
    response.write(text)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://api')
    const watch = url.searchParams.get('watch') === 'true'
    this.requests.push(
      watch ? `watch ${url.searchParams.get('resourceVersion')}` : `list${url.searchParams.has('continue') ? ' more' : ''}`,
    )
    if (this.#mute) return
    const refusal = this.#takeFailure(watch ? 'watch' : url.searchParams.has('continue') ? 'more' : 'list')
    const { authorization } = this.#options
    const unknown = url.pathname !== '/api/v1/nodes' || request.method !== 'GET'
    const stranger = authorization !== undefined && request.headers.authorization !== authorization
    const status = refusal?.status ?? (stranger ? 401 : unknown ? 404 : 200)
    if (status !== 200) {
      this.#refuse(response, status, refusal?.headers)
      return
    }
    response.writeHead(200, { 'Content-Type': 'application/json' })
    if (watch) this.#watch(response, Number(url.searchParams.get('resourceVersion')), Number(url.searchParams.get('timeoutSeconds')))
    else this.#list(response, Number(url.searchParams.get('limit') ?? Number.POSITIVE_INFINITY), url.searchParams.get('continue'))
  }

  #takeFailure(kind: 'list' | 'more' | 'watch'): Refusal | undefined {
    const at = this.#refusals.findIndex(({ on }) => on === undefined || on === kind)
    return at < 0 ? undefined : this.#refusals.splice(at, 1)[0]
  }

  #refuse(response: ServerResponse, code: number, headers: Readonly<Record<string, string>> = {}): void {
    response.writeHead(code, { 'Content-Type': 'application/json', ...headers })
    response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message: `refused with ${code}`, code }))
  }

  #list(response: ServerResponse, limit: number, token: string | null): void {
    const names = this.#sorted()
    const from = token === null ? 0 : Number(token)
    const to = Math.min(names.length, from + Math.min(limit, this.#options.largestPage))
    const rest = to < names.length ? `,"continue":"${to}","remainingItemCount":${names.length - to}` : ''
    this.#write(response, `{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"${this.#version}"${rest}},"items":[`)
    // In parts, so that the server's own memory is none of the client's figures.
    for (let i = from; i < to; i++) {
      const stored = this.#nodes.get(names[i] ?? '')
      if (stored) this.#write(response, (i > from ? ',' : '') + nodeJson(stored.node, stored.version, stored.beat, this.#options.images))
    }
    this.#write(response, ']}\n')
    response.end()
  }

  #sorted(): readonly string[] {
    if (this.#names.length !== this.#nodes.size) this.#names = [...this.#nodes.keys()].sort()
    return this.#names
  }

  #watch(response: ServerResponse, version: number, timeoutSeconds: number): void {
    response.flushHeaders()
    if (version < this.#oldest) {
      this.#write(response, `${JSON.stringify({ type: 'ERROR', object: goneStatus })}\n`)
      response.end()
      return
    }
    for (const event of this.#events) if (event.version > version) this.#write(response, this.#line(event))
    this.#watches.add(response)
    const limit = setTimeout(() => response.end(), timeoutSeconds * 1000)
    response.on('close', () => {
      clearTimeout(limit)
      this.#watches.delete(response)
    })
  }
}

const goneStatus = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  message: 'too old resource version',
  reason: 'Expired',
  code: 410,
}
