import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { startRelay } from './relay.ts'

// A server on loopback of a network namespace of its own.
const server = `require('node:http').createServer((asked, answer) => answer.end('served ' + asked.url)).listen(8080, '127.0.0.1', () => console.log('up'))`
const started: number[] = []

async function startServer(): Promise<ChildProcess> {
  const child = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh', process.execPath, '-e', server], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.pid !== undefined) started.push(child.pid)
  if (child.stdout !== null) await once(child.stdout, 'data')
  return child
}

afterEach(() => {
  for (const pid of started.splice(0)) process.kill(pid, 'SIGKILL')
})

describe.skipIf(process.getuid?.() !== 0)('startRelay (needs root)', () => {
  it('brings a port of another network namespace to loopback of this one', async () => {
    const { pid } = await startServer()
    const relay = await startRelay(['nsenter', '-t', String(pid), '-n', '--'], '127.0.0.1', 8080)
    started.push(relay.pid)
    for (const path of ['/a', '/b']) {
      const answer = await fetch(`http://127.0.0.1:${relay.port}${path}`)
      expect(await answer.text()).toBe(`served ${path}`)
    }
  })

  it('ends a connection when no server answers at the other end', async () => {
    const { pid } = await startServer()
    const relay = await startRelay(['nsenter', '-t', String(pid), '-n', '--'], '127.0.0.1', 9)
    started.push(relay.pid)
    await expect(fetch(`http://127.0.0.1:${relay.port}/`)).rejects.toThrow('fetch failed')
  })

  it('reports why when the namespace cannot be entered', async () => {
    await expect(startRelay(['nsenter', '-t', '999999999', '-n', '--'], '127.0.0.1', 8080)).rejects.toThrow('999999999')
  })
})
