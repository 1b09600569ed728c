// IPAM services for tests: the example server as a process of its own, and peers that answer whatever a test wants; and calls of `podwire-ipam-rpc`.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pluginPath } from './throwaway-host.ts'

export const exampleServer = fileURLToPath(new URL('../../examples/ipam-server/server.mjs', import.meta.url))

export interface Service {
  readonly address: string
  /** SIGSTOP: it accepts connections and answers nothing. */
  stop(): void
  /** SIGCONT */
  resume(): void
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>
}

/** The example server on a Unix socket, for as long as `signal` is not aborted. */
export async function startExample(address: string, subnet: string): Promise<Service> {
  const child = spawn(process.execPath, [exampleServer, address, subnet], { stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = once(child, 'exit')
  await untilListening(address, child)
  return {
    address,
    stop: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function untilListening(address: string, child: ChildProcess): Promise<void> {
  const { connect } = await import('node:net')
  for (let i = 0; i < 200 && child.exitCode === null; i++) {
    const socket = address.startsWith('unix://') ? connect(address.slice(7)) : connect(Number(new URL(address).port), '127.0.0.1')
    const open = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false)
    socket.destroy()
    if (open) return
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error(`no IPAM service at ${address}`)
}

/** A peer on a Unix socket that does `behave` with each connection, once it has read something. */
export async function startPeer(path: string, behave: (socket: Socket, request: string) => void): Promise<{ close(): void }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.once('data', (data) => behave(socket, data.toString()))
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** An HTTP response with a JSON body. */
export function jsonResponse(body: unknown, status = 200): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}

export interface RpcOutcome {
  readonly status: number
  readonly json: { readonly code?: number; readonly msg?: string; readonly details?: string; readonly ips?: readonly { address: string }[] }
  readonly seconds: number
}

/** One call of the plugin `podwire-ipam-rpc`. `keys` are of the configuration, `ipam` those of its section. */
export async function callRpc(
  verb: string,
  id: string,
  ipam: object,
  keys: object = {},
  args = '',
  plugin = 'podwire-ipam-rpc',
): Promise<RpcOutcome> {
  const started = performance.now()
  const child = spawn(join(pluginPath, plugin), {
    env: { CNI_COMMAND: verb, CNI_CONTAINERID: id, CNI_IFNAME: 'eth0', CNI_NETNS: '/none', CNI_PATH: pluginPath, CNI_ARGS: args },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let stdout = ''
  child.stdout.on('data', (part) => {
    stdout += part
  })
  child.stdin.on('error', () => {})
  child.stdin.end(JSON.stringify({ cniVersion: '1.1.0', name: 'net', type: 'bridge', ipam: { type: 'rpc', ...ipam }, ...keys }))
  const [status] = await once(child, 'close')
  return { status: Number(status), json: stdout === '' ? {} : JSON.parse(stdout), seconds: (performance.now() - started) / 1000 }
}

const kit = fileURLToPath(new URL('../ipam-kit/main.ts', import.meta.url))

/** `make ipam-kit`, without its set-up. */
export async function runKit(address: string, network = 'kit'): Promise<{ readonly status: number; readonly stdout: string }> {
  const child = spawn(process.execPath, [kit, address, network], { stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.on('data', (part) => {
    stdout += part
  })
  const [status] = await once(child, 'close')
  return { status: Number(status), stdout }
}
