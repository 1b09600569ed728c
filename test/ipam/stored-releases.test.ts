// DEL while the service is away: it succeeds, the release is stored, and sent when the service is back, once and for the right lease.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callRpc, jsonResponse, type Service, startExample, startPeer } from '../harness/ipam-service.ts'
import { pluginPath } from '../harness/throwaway-host.ts'

let dir = ''
let ipam = { address: '', spoolDir: '', timeoutMs: 3000 }
let service: Service | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwire-spool-'))
  ipam = { address: `unix://${dir}/ipam.sock`, spoolDir: join(dir, 'state/ipam-releases'), timeoutMs: 3000 }
})
afterEach(async () => {
  await service?.kill()
  service = undefined
  rmSync(dir, { recursive: true })
})

const start = async () => {
  service = await startExample(ipam.address, '10.9.0.0/29')
}
const stored = () => (existsSync(ipam.spoolDir) ? readdirSync(ipam.spoolDir) : [])
const addressOf = async (id: string) => (await callRpc('ADD', id, ipam)).json.ips?.[0]?.address
const replay = () => {
  const { status, stdout, stderr } = spawnSync(join(pluginPath, 'podwire'), ['ipam', 'replay', '--state-dir', join(dir, 'state')], {
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe('IPAM by an unavailable service', () => {
  it('DEL succeeds and stores the release once, readable for root only', async () => {
    for (let i = 0; i < 3; i++) expect((await callRpc('DEL', 'a', ipam)).status).toBe(0)
    expect(stored()).toHaveLength(1)
    expect(statSync(ipam.spoolDir).mode & 0o777).toBe(0o700)
    expect(statSync(join(ipam.spoolDir, stored()[0] ?? '')).mode & 0o777).toBe(0o600)
  })

  it('ADD fails with code 11 and stores nothing when the service was never reached', async () => {
    expect((await callRpc('ADD', 'a', ipam)).json).toMatchObject({ code: 11, details: expect.stringContaining('4 attempts') })
    expect(stored()).toEqual([])
  })

  it('ADD that the service may have done is released, or stored when it does not answer', async () => {
    const peer = await startPeer(join(dir, 'ipam.sock'), (socket) => socket.destroy())
    expect((await callRpc('ADD', 'a', ipam)).json).toMatchObject({ code: 11 })
    peer.close()
    expect(stored()).toHaveLength(1)
  })

  it('the next ADD of another pod sends what is stored', async () => {
    await start()
    expect(await addressOf('a')).toBe('10.9.0.2/29')
    await service?.kill()
    await callRpc('DEL', 'a', ipam)
    // The service has its leases in memory: what it is sent is seen by a peer.
    const calls: string[] = []
    rmSync(join(dir, 'ipam.sock'), { force: true })
    const peer = await startPeer(join(dir, 'ipam.sock'), (socket, request) => {
      calls.push(`${request.split(' ')[1]} ${request.match(/"containerID":"(\w+)"/)?.[1]}`)
      socket.end(jsonResponse({ version: 1, ips: [{ address: '10.9.0.3/29' }] }))
    })
    expect((await callRpc('ADD', 'b', ipam)).status).toBe(0)
    peer.close()
    expect(calls).toEqual(['/v1/allocate b', '/v1/release a'])
    expect(stored()).toEqual([])
  })

  it('ADD to an exhausted pool sends what is stored, and tries once more', async () => {
    await callRpc('DEL', 'a', ipam)
    let isFree = false
    const peer = await startPeer(join(dir, 'ipam.sock'), (socket, request) => {
      if (request.startsWith('POST /v1/release')) isFree = true
      const full = jsonResponse({ version: 1, error: { code: 'exhausted', message: 'full' } }, 409)
      socket.end(isFree ? jsonResponse({ version: 1, ips: [{ address: '10.9.0.2/29' }] }) : full)
    })
    expect(await addressOf('b')).toBe('10.9.0.2/29')
    isFree = false
    expect((await callRpc('ADD', 'c', ipam)).json).toMatchObject({ code: 11, details: 'exhausted' })
    peer.close()
  })

  it('a stored release is forgotten when its attachment is added once more', async () => {
    await callRpc('DEL', 'a', ipam)
    await start()
    expect(await addressOf('a')).toBe('10.9.0.2/29')
    expect(stored()).toEqual([])
    expect(await addressOf('b')).toBe('10.9.0.3/29')
  })

  it('podwire ipam replay sends what is stored and reports what waits', async () => {
    for (const id of ['a', 'b', 'c']) await callRpc('DEL', id, ipam)
    expect(replay()).toMatchObject({ status: 1, stdout: '0 sent, 3 waiting\n', stderr: expect.stringContaining(ipam.address) })
    await start()
    expect(replay()).toEqual({ status: 0, stdout: '3 sent, 0 waiting\n', stderr: '' })
    expect(replay()).toEqual({ status: 0, stdout: '0 sent, 0 waiting\n', stderr: '' })
  })

  it('files that are no releases are left alone and stop nothing', async () => {
    mkdirSync(ipam.spoolDir, { recursive: true })
    writeFileSync(join(ipam.spoolDir, '0.json'), '{"torn')
    writeFileSync(join(ipam.spoolDir, '1.json'), '[]')
    await callRpc('DEL', 'a', ipam)
    await start()
    expect(replay()).toMatchObject({ status: 0, stdout: '1 sent, 2 waiting\n' })
  })

  it('DEL fails with code 11 when 4096 releases wait', async () => {
    mkdirSync(ipam.spoolDir, { recursive: true })
    for (let i = 0; i < 4096; i++) writeFileSync(join(ipam.spoolDir, `${i}.json`), '')
    expect((await callRpc('DEL', 'a', ipam)).json).toMatchObject({ code: 11, msg: expect.stringContaining('has 4096 already') })
  })

  it('20 replays at once send each release once', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await callRpc('DEL', id, ipam)
    const released: string[] = []
    const peer = await startPeer(join(dir, 'ipam.sock'), (socket, request) => {
      if (request.startsWith('POST /v1/release')) released.push(request.match(/"containerID":"(\w+)"/)?.[1] ?? '')
      socket.end(jsonResponse({ version: 1, ips: [{ address: '10.9.0.3/29' }] }))
    })
    await Promise.all(Array.from({ length: 20 }, (_, i) => callRpc('ADD', `n${i}`, ipam)))
    peer.close()
    expect(released.sort()).toEqual(['a', 'b', 'c', 'd'])
  })
})
