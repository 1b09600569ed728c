import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { Api } from './api.ts'

const cleanup: (() => void)[] = []
afterEach(() => {
  for (const end of cleanup.splice(0)) end()
})

/** An Api whose server does `answer`, and how many connections that has seen. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ api: Api; connections: () => number }> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer(answer).on('connection', (socket) => {
    connections++
    sockets.add(socket)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const dir = mkdtempSync(join(tmpdir(), 'podwire-api-'))
  const kubeconfig = join(dir, 'config')
  const { port } = server.address() as AddressInfo
  const cluster = { server: `http://127.0.0.1:${port}/prefix`, 'insecure-skip-tls-verify': true }
  const content = {
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { token: 'secret' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }
  writeFileSync(kubeconfig, JSON.stringify(content))
  const api = new Api({ kubeconfig, host: '', port: 0, pageSize: 500, idleTimeout: 150 })
  cleanup.push(() => {
    api.close()
    for (const socket of sockets) socket.destroy()
    server.close()
    rmSync(dir, { recursive: true })
  })
  return { api, connections: () => connections }
}

const { signal } = new AbortController()
const quick = { signal, idle: 200 }
/** For answers that come: a busy machine may take longer than 0.2 s. */
const patient = { signal, idle: 10_000 }
const nothing = { write() {} }

describe('a request to the API server', () => {
  it('is made with the credentials, below the path of the server, on one connection', async () => {
    const requests: unknown[] = []
    const { api, connections } = await serve(({ url, headers }, response) => {
      requests.push([url, headers.authorization])
      response.end('12345')
    })
    for (let i = 0; i < 3; i++) await api.read('/x?y=z', nothing, patient)
    expect(requests).toEqual(Array(3).fill(['/prefix/x?y=z', 'Bearer secret']))
    expect(connections()).toBe(1)
    expect(api.bytesRead).toBe(15)
  })

  const endings: [string, (response: ServerResponse) => void, string | RegExp][] = [
    ['is rejected', (response) => response.writeHead(403).end('{"message":"no rights"}'), 'GET /x: 403 no rights'],
    ['is rejected by a proxy', (response) => response.writeHead(502).end('<html>'), 'GET /x: 502 <html>'],
    ['is redirected', (response) => response.writeHead(302, { location: '/y' }).end(), 'GET /x: 302 no message'],
    ['gets no answer', () => {}, 'GET /x: no byte in 0.2 s'],
    ['gets half of an answer and then nothing', (response) => response.write('half'), 'GET /x: no byte in 0.2 s'],
    [
      'gets half of an answer and then the connection breaks',
      (response) => {
        response.writeHead(200, { 'Content-Length': 100 }).write('half', () => response.destroy())
      },
      /connection broke|aborted|hang up/,
    ],
    ['breaks before the answer', (response) => response.destroy(), /hang up|ECONNRESET/],
  ]
  it.each(endings)('fails when it %s', async (_, answer, message) => {
    const { api } = await serve((_request, response) => answer(response))
    await expect(api.read('/x', nothing, quick)).rejects.toThrow(message)
  })

  it('fails when the reader does, though the answer came whole and at once', async () => {
    const { api } = await serve((_request, response) => response.end('all of it'))
    const fail = () => {
      throw new Error('not what was expected')
    }
    for (let i = 0; i < 20; i++) await expect(api.read('/x', { write: fail }, patient)).rejects.toThrow('not what was expected')
  })

  it('reports Retry-After, a minute at most', async () => {
    const wishes = ['3', '3600', 'tomorrow', '-1']
    const { api } = await serve((_request, response) => response.writeHead(429, { 'Retry-After': wishes.shift() }).end())
    for (const retryAfter of [3_000, 60_000, 0, 0]) {
      await expect(api.read('/x', nothing, quick)).rejects.toMatchObject({ status: 429, retryAfter })
    }
  })

  it('ends with its signal', async () => {
    const { api } = await serve(() => {})
    const stop = new AbortController()
    const reading = api.read('/x', nothing, { signal: stop.signal, idle: 60_000 })
    setTimeout(() => stop.abort(), 50)
    await expect(reading).rejects.toThrow()
  })
})
