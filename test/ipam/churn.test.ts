// Many calls at once, a fifth of them killed, while the service is killed and started: no address twice, and none left when every container had its DEL.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { hostLocal } from '../../src/agent/ipam/host-local.ts'
import { serveIpam } from '../../src/agent/ipam/server.ts'
import { Sticky } from '../../src/agent/ipam/sticky.ts'
import { callRpc } from '../harness/ipam-service.ts'
import { seeded } from '../harness/random.ts'
import { pluginPath } from '../harness/throwaway-host.ts'

const containers = Number(process.env.CONTAINERS ?? 100)
const seed = Number(process.env.SEED ?? 1)
const WIDTH = 20

it(`${containers} containers, ${WIDTH} at a time, with kills (SEED=${seed}): no address is leased twice or lost`, {
  timeout: 240_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-churn-'))
  const random = seeded(seed)
  const address = `unix://${dir}/ipam.sock`
  const ipam = { address, spoolDir: join(dir, 'releases'), timeoutMs: 4000 }
  const parts = {
    hostLocal: hostLocal(join(pluginPath, 'podwire'), join(dir, 'leases')),
    sticky: new Sticky(join(dir, 'sticky.json')),
    pools: [],
    network: 'net',
    podCidrs: () => ['10.6.0.0/24'],
    findPod: undefined,
  }
  const done = new AbortController()
  const restarting = restart(parts, join(dir, 'ipam.sock'), done.signal, random)

  const owners = new Map<string, string>()
  const wrong: string[] = []
  let allocated = 0
  const one = async (id: string) => {
    if (random() < 0.2) await killed('ADD', id, ipam, random() * 30)
    const added = await callRpc('ADD', id, ipam)
    const ip = added.json.ips?.[0]?.address ?? ''
    const other = owners.get(ip)
    if (other !== undefined) wrong.push(`${ip} is leased to ${other} and ${id}`)
    if (ip) owners.set(ip, id)
    if (ip) allocated++
    await pause(random() * 100)
    // From its DEL on another may have it.
    owners.delete(ip)
    if (random() < 0.2) await killed('DEL', id, ipam, random() * 30)
    const removed = await callRpc('DEL', id, ipam)
    if (removed.status !== 0) wrong.push(`DEL of ${id}: ${removed.json.msg}`)
  }
  const ids = Array.from({ length: containers }, (_, i) => `c${i}`).values()
  await Promise.all(
    Array.from({ length: WIDTH }, async () => {
      for (const id of ids) await one(id)
    }),
  )
  done.abort()
  await restarting
  // The service stays now: what is stored is sent with the calls that it answers.
  const end = new AbortController()
  const serving = serveIpam(join(dir, 'ipam.sock'), parts, pino({ level: 'silent' }), end.signal)
  for (let i = 0; i < 60 && stored(dir) > 0; i++) {
    await callRpc('ADD', 'last', ipam)
    await callRpc('DEL', 'last', ipam)
  }
  end.abort()
  await serving
  const left = readdirSync(join(dir, 'leases/net')).filter((name) => name.startsWith('10.6.'))
  expect({ wrong, left, stored: stored(dir) }).toEqual({ wrong: [], left: [], stored: 0 })
  // A service that was never there would pass the rest.
  expect(allocated).toBeGreaterThan(containers / 10)
  process.stdout.write(`${containers} containers, ${allocated} leases, SEED=${seed}\n`)
  rmSync(dir, { recursive: true })
})

/** Serves for one to three seconds at a time, until `signal`. */
async function restart(parts: Parameters<typeof serveIpam>[1], path: string, signal: AbortSignal, random: () => number): Promise<void> {
  while (!signal.aborted) {
    const stop = new AbortController()
    const serving = serveIpam(path, parts, pino({ level: 'silent' }), stop.signal)
    await pause(1000 + random() * 2000)
    stop.abort()
    await serving
    await pause(random() * 200)
  }
}

async function killed(verb: string, id: string, ipam: object, after: number): Promise<void> {
  const env = { CNI_COMMAND: verb, CNI_CONTAINERID: id, CNI_IFNAME: 'eth0', CNI_NETNS: '/none', CNI_PATH: pluginPath }
  const child = spawn(join(pluginPath, 'podwire-ipam-rpc'), { env, stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.on('error', () => {})
  child.stdin.end(JSON.stringify({ cniVersion: '1.1.0', name: 'net', type: 'bridge', ipam: { type: 'rpc', ...ipam } }))
  const ended = once(child, 'exit')
  await pause(after)
  child.kill('SIGKILL')
  await ended
}

function stored(dir: string): number {
  try {
    return readdirSync(join(dir, 'releases')).filter((name) => name.endsWith('.json')).length
  } catch {
    return 0
  }
}

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds))
