// The agent's IPAM server with the real native program: one lease store behind both doors, pools, static and sticky addresses.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hostLocal } from '../../src/agent/ipam/host-local.ts'
import { type FindPod, podFinder } from '../../src/agent/ipam/pod-request.ts'
import type { Pool } from '../../src/agent/ipam/pools.ts'
import { serveIpam } from '../../src/agent/ipam/server.ts'
import { Sticky } from '../../src/agent/ipam/sticky.ts'
import { ApiError } from '../../src/agent/kube/api-error.ts'
import { callRpc, runKit } from '../harness/ipam-service.ts'
import { pluginPath } from '../harness/throwaway-host.ts'

let dir = ''
let stop = new AbortController()
let running: Promise<void> | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwire-serve-'))
  mkdirSync(join(dir, 'state'))
})
afterEach(async () => {
  stop.abort()
  await running
  stop = new AbortController()
  rmSync(dir, { recursive: true })
})

const pools: readonly Pool[] = [{ name: 'ingress', from: 8, to: 9 }]

interface Options {
  readonly podCidrs?: readonly string[]
  readonly pools?: readonly Pool[]
  readonly findPod?: FindPod
  readonly program?: string
}

function begin({ podCidrs = ['10.5.0.0/28'], findPod, ...given }: Options): void {
  const parts = {
    hostLocal: hostLocal(given.program ?? join(pluginPath, 'podwire'), join(dir, 'leases')),
    sticky: new Sticky(join(dir, 'state/sticky.json')),
    pools: given.pools ?? pools,
    network: 'net',
    podCidrs: () => podCidrs,
    findPod,
  }
  running = serveIpam(join(dir, 'ipam.sock'), parts, pino({ level: 'silent' }), stop.signal)
}

async function serve(options: Options = {}): Promise<void> {
  begin(options)
  while (!existsSync(join(dir, 'ipam.sock'))) await new Promise((done) => setTimeout(done, 5))
}

const call = (verb: string, id: string, ipam: object = {}, keys: object = {}, args = '') =>
  callRpc(verb, id, { address: `unix://${dir}/ipam.sock`, spoolDir: join(dir, 'releases'), ...ipam }, keys, args)
const add = async (id: string, ipam: object = {}, pod = '') => {
  const { json } = await call('ADD', id, ipam, {}, pod && `K8S_POD_NAMESPACE=ns;K8S_POD_NAME=${pod}`)
  return json.ips?.map(({ address }) => address.split('/')[0]).join(' ') ?? `${json.code}: ${json.msg}`
}
const leases = () =>
  readdirSync(join(dir, 'leases/net'))
    .filter((name) => /^[0-9a-f.:]+$/.test(name) && name.length > 5)
    .sort()

describe("the agent's IPAM server", () => {
  it('serves both families with routes out of the store that host-local uses, one address a call', async () => {
    await serve({ podCidrs: ['10.5.0.0/28', 'fd00:5::/112'] })
    expect(statSync(join(dir, 'ipam.sock')).mode & 0o777).toBe(0o600)
    const { json } = await call('ADD', 'a')
    expect(json).toMatchObject({
      ips: [
        { address: '10.5.0.2/28', gateway: '10.5.0.1' },
        { address: 'fd00:5::2/112', gateway: 'fd00:5::1' },
      ],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
    })
    expect(await add('a')).toBe('10.5.0.2 fd00:5::2')
    expect(leases()).toEqual(['10.5.0.2', 'fd00:5::2'])
    // The other door.
    const direct = { type: 'host-local', dataDir: join(dir, 'leases'), ranges: [[{ subnet: '10.5.0.0/28' }]] }
    const other = await callRpc('ADD', 'b', direct, {}, '', 'host-local')
    expect(other.json.ips).toMatchObject([{ address: '10.5.0.3/28' }])
    expect(await add('c')).toBe('10.5.0.4 fd00:5::3')
    expect((await call('CHECK', 'a', {}, { prevResult: { ...json, cniVersion: '1.1.0' } })).status).toBe(0)
    expect((await call('STATUS', 'a')).status).toBe(0)
    await call('DEL', 'a')
    expect((await call('CHECK', 'a', {}, { prevResult: { ...json, cniVersion: '1.1.0' } })).json).toMatchObject({ code: 3 })
    await call('GC', '', {}, { 'cni.dev/valid-attachments': [{ containerID: 'b', ifname: 'eth0' }] })
    expect(leases()).toEqual(['10.5.0.3'])
  })

  it('20 ADDs at once, each twice, get 20 addresses', async () => {
    await serve({ podCidrs: ['10.5.0.0/24'], pools: [] })
    const ids = Array.from({ length: 20 }, (_, i) => `c${i}`)
    const addresses = await Promise.all([...ids, ...ids].map((id) => add(id)))
    expect(new Set(addresses).size).toBe(20)
    expect(leases()).toHaveLength(20)
  })

  it('passes the kit for servers', async () => {
    await serve({ podCidrs: ['10.5.0.0/26'], pools: [] })
    const { status, stdout } = await runKit(`unix://${dir}/ipam.sock`, 'net')
    expect({ status, failed: stdout.split('\n').filter((line) => !line.startsWith('ok ')) }).toEqual({
      status: 0,
      failed: [expect.stringMatching(/^\d+ passed, 0 failed$/), ''],
    })
  })

  it('a pool gives its own addresses and no others', async () => {
    await serve()
    expect(await add('a', { pool: 'ingress' })).toBe('10.5.0.8')
    expect(await add('b', { pool: 'ingress' })).toBe('10.5.0.9')
    expect(await add('c', { pool: 'ingress' })).toMatch(/^11: .*no IP addresses available/)
    expect(await add('d', { pool: 'odd' })).toMatch(/^7: .*no pool "odd" on this node \(known: ingress\)/)
    const rest = await Promise.all(Array.from({ length: 11 }, (_, i) => add(`r${i}`)))
    expect(rest.every((address) => address.startsWith('10.5.0.') && address !== '10.5.0.8')).toBe(true)
    expect(await add('x')).toMatch(/^11: /)
  })

  it('annotations of pod and namespace select pool and addresses', async () => {
    const objects: Record<string, object> = {
      '/api/v1/namespaces/ns': { metadata: { annotations: { 'podwire.dev/pool': 'ingress' } } },
      '/api/v1/namespaces/ns/pods/plain': { metadata: {} },
      '/api/v1/namespaces/ns/pods/own': { metadata: { annotations: { 'podwire.dev/pool': '' } } },
      '/api/v1/namespaces/ns/pods/fixed': { metadata: { annotations: { 'podwire.dev/ips': '10.5.0.12' } } },
      '/api/v1/namespaces/ns/pods/wrong': { metadata: { annotations: { 'podwire.dev/ips': '10.6.0.12' } } },
    }
    const findPod = podFinder(async (_, path) => {
      const object = objects[path]
      if (path.endsWith('/broken')) throw new Error('connection refused')
      if (!object) throw new ApiError(404, 'not found')
      return object
    })
    await serve({ findPod })
    expect(await add('a', {}, 'plain')).toBe('10.5.0.8')
    expect(await add('b', {}, 'gone')).toBe('10.5.0.9')
    expect(await add('c', {}, 'own')).toBe('10.5.0.2')
    expect(await add('d', {}, 'fixed')).toBe('10.5.0.12')
    expect(await add('d', {}, 'fixed')).toBe('10.5.0.12')
    expect(await add('e', {}, 'fixed')).toMatch(/^11: .*10\.5\.0\.12 is not available/)
    expect(await add('f', {}, 'wrong')).toMatch(/^7: .*failed to allocate all requested IPs: 10\.6\.0\.12/)
    expect(await add('g', { timeoutMs: 1000 }, 'broken')).toMatch(/^11: .*look up .*connection refused/)
    expect(leases()).toEqual(['10.5.0.12', '10.5.0.2', '10.5.0.8', '10.5.0.9'])
  })

  it("a StatefulSet's pod has its address again, which others get only when nothing else is left", async () => {
    const findPod: FindPod = async (_, name) => ({ pool: '', ips: [], sticky: name.startsWith('db-') })
    await serve({ findPod, pools: [] })
    expect(await add('first', {}, 'db-0')).toBe('10.5.0.2')
    await call('DEL', 'first')
    const others = await Promise.all(Array.from({ length: 12 }, (_, i) => add(`o${i}`, {}, `web-${i}`)))
    expect(others).toHaveLength(12)
    expect(others).not.toContain('10.5.0.2')
    expect(await add('second', {}, 'db-0')).toBe('10.5.0.2')
    await call('DEL', 'second')
    expect(await add('last', {}, 'web-last')).toBe('10.5.0.2')
    await call('DEL', 'o3')
    expect(await add('third', {}, 'db-0')).toBe(others[3])
  })

  it('rejects another network, other versions and unknown calls, and reports a node without ranges', async () => {
    await serve({ podCidrs: [] })
    expect((await call('STATUS', 'a')).json).toMatchObject({ code: 50, msg: expect.stringContaining('no podCIDR yet') })
    expect(await add('a', { timeoutMs: 500 })).toMatch(/^11: .*no podCIDR yet/)
    expect((await call('ADD', 'a', {}, { name: 'other' })).json).toMatchObject({
      code: 7,
      msg: expect.stringContaining('network other is not served'),
    })
    const send = (method: string, path: string, body: string) =>
      new Promise<number>((done, fail) => {
        request({ socketPath: join(dir, 'ipam.sock'), method, path }, (response) => done(response.resume().statusCode ?? 0))
          .on('error', fail)
          .end(body)
      })
    expect(await send('POST', '/v1/allocate', '{"version":2}')).toBe(400)
    expect(await send('POST', '/v1/allocate', '{')).toBe(400)
    expect(await send('POST', '/v1/allocate', '{"version":1,"network":"net","containerID":"../x","ifname":"eth0"}')).toBe(503)
    expect(await send('POST', '/v2/allocate', '{"version":1}')).toBe(400)
    expect(existsSync(join(dir, 'leases'))).toBe(false)
  })

  it('what a client does not wait for is released', async () => {
    const slow: FindPod = async () => {
      await new Promise((done) => setTimeout(done, 600))
      return { pool: '', ips: [], sticky: false }
    }
    await serve({ findPod: slow })
    expect(await add('a', { timeoutMs: 300 }, 'web')).toMatch(/^11: /)
    await expect.poll(() => (existsSync(join(dir, 'leases/net')) ? leases() : ['none yet']), { timeout: 5000 }).toEqual([])
  })

  it('ends when the signal comes while it begins to listen', async () => {
    begin({})
    stop.abort()
    await expect(running).resolves.toBeUndefined()
  })
})
