// A port of another network namespace on loopback of this one: with the API server's there, plain `kubectl` and `helm` work as with any cluster.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

const worker = fileURLToPath(new URL('relay-worker.ts', import.meta.url))

export interface Relay {
  /** Where it listens on 127.0.0.1. */
  readonly port: number
  /** The process that does it; it outlives ours. */
  readonly pid: number
}

/** Starts it; `enter` runs a program in the other namespace (and makes it end with whatever that belongs to), where `host` and `port` are reached. */
export async function startRelay(enter: readonly string[], host: string, port: number): Promise<Relay> {
  // A socket stays in the namespace where it was made, whichever process accepts its connections.
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const [file = '', ...args] = [...enter, process.execPath, worker, host, String(port)]
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true })
  let said = ''
  child.stderr?.on('data', (part) => {
    said += part
  })
  // Not at `exit`: what it wrote may come later.
  const ended = once(child, 'close').then(([status]) => {
    throw new Error(`the relay to ${host} port ${port} ended with status ${status}: ${said.trim()}`)
  })
  // Where it has ended already, that is the error to report, and not the closed pipe.
  child.send('serve', server, () => {})
  await Promise.race([once(child, 'message'), ended])
  ended.catch(() => {})
  const address = server.address() as AddressInfo // of a server that listens on a port
  server.close()
  child.disconnect()
  child.stderr?.destroy()
  child.unref()
  return { port: address.port, pid: child.pid ?? -1 }
}

/** Writes `kubeconfig` (JSON) to `copy` with every cluster's server on the relay's port; the server's certificate has to name 127.0.0.1. */
export function writeRelayedKubeconfig(kubeconfig: string, copy: string, { port }: Relay): void {
  // Written by `kubectl config view -o json` or by us.
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as { clusters: { cluster: { server: string } }[] }
  for (const { cluster } of config.clusters) cluster.server = `https://127.0.0.1:${port}`
  writeFileSync(copy, JSON.stringify(config, undefined, 2), { mode: 0o600 })
}
