// The agent as a process against an API server that behaves badly. The native program is a script: what counts here is its input.

import { mkdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { FakeNode } from '../fake-api/node-json.ts'
import { FakeApi, type FakeApiOptions } from '../fake-api/server.ts'
import {
  type Agent,
  eventually,
  type FakeNative,
  fairSecond,
  fakeNative,
  goodReport,
  startAgent,
  temporaryFolder,
  writeKubeconfig,
} from '../harness/agent.ts'

const cleanup: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end()
})

const self: FakeNode = { name: 'self', addresses: ['192.0.2.1'], podCidrs: ['10.1.0.0/24'] }
const peer = (n: number): FakeNode => ({ name: `peer-${n}`, addresses: [`192.0.2.${n + 1}`], podCidrs: [`10.1.${n}.0/24`] })

interface Scene {
  readonly api: FakeApi
  readonly native: FakeNative
  readonly agent: Agent
  /** Waits until exactly these peers are applied. */
  peers(...names: string[]): Promise<unknown>
}

async function fakeApi(options: FakeApiOptions = {}): Promise<FakeApi> {
  const api = new FakeApi({ images: 2, ...options })
  await api.start()
  cleanup.push(() => api.stop())
  return api
}

async function scene(options: FakeApiOptions = {}, config: object = {}, kubeApi: object = {}): Promise<Scene> {
  const api = await fakeApi(options)
  api.set(self)
  api.set(peer(1))
  const native = fakeNative()
  const kubeconfig = writeKubeconfig(temporaryFolder(), api.url)
  const agent = await startAgent({ native: native.program, config: { kubeApi: { kubeconfig, ...kubeApi }, ...config } })
  cleanup.push(() => agent.kill())
  return { api, native, agent, peers: (...names) => appliedPeers(native, names) }
}

function appliedPeers(native: FakeNative, names: readonly string[]): Promise<unknown> {
  return eventually(() => {
    expect(
      native
        .applied()
        .at(-1)
        ?.peers.map(({ name }) => name),
    ).toEqual([...names].sort())
    return true
  }, 15_000)
}

describe('the agent and its API server', () => {
  it('makes the routes to a Node that joins a large cluster before the pass over all', async () => {
    const { api, native, peers } = await scene()
    const batch = Array.from({ length: 600 }, (_, n): FakeNode => {
      const [high, low] = [n >> 8, n & 255]
      return { name: `node-${n}`, addresses: [`172.16.${high}.${low}`], podCidrs: [`10.${64 + high}.${low}.0/24`] }
    })
    for (const node of batch) api.set(node)
    const names = ['peer-1', ...batch.map(({ name }) => name)]
    await peers(...names)
    api.set(peer(2))
    await peers(...names, 'peer-2')
    // The last one may have been applied alone, too.
    expect(
      native
        .welcomed()
        .at(-1)
        ?.peers.map(({ name }) => name),
    ).toEqual(['peer-2'])
  })

  it('applies the Nodes, then publishes, then is ready', async () => {
    const { native, agent, peers } = await scene()
    await peers('peer-1')
    await eventually(async () => (await agent.get('/readyz')).status === 200)
    expect(native.published()[0]).toMatchObject({ podCidrs: ['10.1.0.0/24'], mtu: 1450 })
    expect((await agent.get('/healthz')).body).toBe('ok\n')
    const { body } = await agent.get('/metrics')
    expect(body).toContain('podwire_routes_desired 1')
    expect(body).toContain('podwire_pool_addresses{range="10.1.0.0/24"} 253')
    expect(JSON.parse(readFileSync(join(agent.dir, 'run/status.json'), 'utf8'))).toMatchObject({
      node: 'self',
      ready: true,
      podCidrs: ['10.1.0.0/24'],
    })
  })

  it('follows Nodes that come, change and go, and ignores heartbeats', async () => {
    const { api, native, peers } = await scene()
    await peers('peer-1')
    api.set(peer(2))
    await peers('peer-1', 'peer-2')
    api.set({ ...peer(2), podCidrs: ['10.1.77.0/24'] })
    await eventually(() => JSON.stringify(native.applied().at(-1)).includes('10.1.77.0/24'))
    api.delete('peer-2')
    await peers('peer-1')
    const passes = native.applied().length
    for (let i = 0; i < 50; i++) api.heartbeat('peer-1')
    api.set(peer(3))
    await peers('peer-1', 'peer-3')
    expect(native.applied().length).toBe(passes + 1)
  })

  it('waits and reports it while its Node has no podCIDR, and follows when it gets another', async () => {
    const api = await fakeApi()
    api.set({ ...self, podCidrs: [] })
    const native = fakeNative()
    const agent = await startAgent({
      native: native.program,
      config: { kubeApi: { kubeconfig: writeKubeconfig(temporaryFolder(), api.url) } },
    })
    cleanup.push(() => agent.kill())
    await eventually(async () => (await agent.get('/readyz')).body.includes('not ready podCIDR: it has no podCIDR yet'))
    expect(native.applied()).toEqual([])
    api.set(self)
    await eventually(async () => (await agent.get('/readyz')).status === 200)
    api.set({ ...self, podCidrs: ['10.9.0.0/24', 'fd00:9::/64'] })
    await eventually(() => JSON.stringify(native.published().at(-1)?.podCidrs) === '["10.9.0.0/24","fd00:9::/64"]')
  })

  const breaks: [string, (api: FakeApi) => void, Pick<FakeApiOptions, 'bookmarks'>?][] = [
    ['every connection breaks', (api) => api.breakConnections()],
    ['the watch gets a 410 in its stream', (api) => api.goneWatches()],
    [
      'the next watch is answered 410',
      (api) => {
        api.refuse({ status: 410, on: 'watch' })
        api.breakConnections()
      },
    ],
    [
      'watch and lists are answered 500',
      (api) => {
        api.refuse({ status: 500 }, { status: 500 }, { status: 503 })
        api.breakConnections()
      },
    ],
    [
      'history is forgotten while it is away and the list fails at first',
      (api) => {
        api.refuse({ status: 500, on: 'list' })
        api.breakConnections()
        api.forgetHistory()
      },
    ],
    ['the connection is half open: nothing arrives any more', (api) => api.muteWatches(), { bookmarks: 300 }],
    ['an event is not JSON', (api) => api.sendRaw('{"type":"ADDED","object":{"metadata":\n')],
    ['an event is not an object', (api) => api.sendRaw('17\n')],
  ]
  it.each(breaks)('converges when %s', async (_, breakIt, options = {}) => {
    const { api, agent, peers } = await scene(options, {}, options.bookmarks === undefined ? {} : { idleTimeout: 1 })
    await peers('peer-1')
    await eventually(() => api.watching === 1)
    breakIt(api)
    // What happened while no watch was open, and what happens after.
    api.delete('peer-1')
    api.set(peer(2))
    await peers('peer-2')
    await eventually(() => api.watching === 1, 15_000)
    api.set(peer(3))
    await peers('peer-2', 'peer-3')
    expect((await agent.get('/healthz')).status).toBe(200)
    expect((await agent.get('/metrics')).body).toMatch(/podwire_nodes_watch_breaks_total [1-9]/)
  })

  it('waits as long as Retry-After of a 429 requires', async () => {
    const { api, peers } = await scene()
    await peers('peer-1')
    await eventually(() => api.watching === 1)
    api.refuse({ status: 429, headers: { 'Retry-After': '2' } })
    const started = performance.now()
    api.breakConnections()
    await eventually(() => api.watching === 0)
    await eventually(() => api.watching === 1)
    expect(performance.now() - started).toBeGreaterThan(1_900)
    api.set(peer(2))
    await peers('peer-1', 'peer-2')
  })

  it('removes nothing while the API server is unreachable, and continues when it is back', async () => {
    const { api, native, agent, peers } = await scene({}, { fullPass: 1 })
    await peers('peer-1')
    await eventually(() => api.watching === 1)
    await api.stop()
    const passes = native.applied().length
    await eventually(() => native.applied().length > passes + 2)
    expect(native.applied().at(-1)?.peers).toHaveLength(1)
    expect((await agent.get('/readyz')).status).toBe(200)
    await api.start()
    api.set(peer(2))
    await peers('peer-1', 'peer-2')
  })

  it('starts from the disk when there is no API server, and not from the state of another node', async () => {
    const first = await scene()
    await first.peers('peer-1')
    await eventually(() => first.native.published().length > 0)
    await first.agent.kill()
    await first.api.stop()
    const native = fakeNative()
    const config = { kubeApi: { kubeconfig: writeKubeconfig(temporaryFolder(), first.api.url) } }
    const second = await startAgent({ native: native.program, config, dir: first.agent.dir })
    cleanup.push(() => second.kill())
    await appliedPeers(native, ['peer-1'])
    await eventually(async () => (await second.get('/readyz')).status === 200)
    expect(JSON.parse((await second.get('/status')).body)).toMatchObject({ stateFrom: 'disk', source: { synced: false } })
    await first.api.start()
    first.api.set(peer(2))
    await appliedPeers(native, ['peer-1', 'peer-2'])
    await second.kill()

    await first.api.stop()
    const other = fakeNative()
    const third = await startAgent({ native: other.program, config: { ...config, nodeName: 'another' }, dir: first.agent.dir })
    cleanup.push(() => third.kill())
    await eventually(() => third.log().some(({ msg }) => msg === 'cannot read the last state'))
    expect(other.applied()).toEqual([])
  })

  it('takes a list of 5,000 pages', { timeout: 120_000 }, async () => {
    const api = await fakeApi({ largestPage: 1, images: 2 })
    api.set(self)
    for (let n = 1; n < 5000; n++)
      api.set({ name: `n${n}`, addresses: [`172.16.${n >> 8}.${n & 255}`], podCidrs: [`10.${2 + (n >> 8)}.${n & 255}.0/24`] })
    const native = fakeNative()
    const agent = await startAgent({
      native: native.program,
      config: { kubeApi: { kubeconfig: writeKubeconfig(temporaryFolder(), api.url) } },
    })
    cleanup.push(() => agent.kill())
    await eventually(() => native.applied().at(-1)?.peers.length === 4999, 60_000)
    expect(api.requests.filter((request) => request.startsWith('list'))).toHaveLength(5000)
  })

  it('takes the list in one piece when its continuation has expired', async () => {
    const api = await fakeApi({ largestPage: 2 })
    for (const node of [self, peer(1), peer(2), peer(3)]) api.set(node)
    const native = fakeNative()
    const start = () =>
      startAgent({ native: native.program, config: { kubeApi: { kubeconfig: writeKubeconfig(temporaryFolder(), api.url), pageSize: 2 } } })
    api.refuse({ status: 410, on: 'more' })
    const agent = await start()
    cleanup.push(() => agent.kill())
    await appliedPeers(native, ['peer-1', 'peer-2', 'peer-3'])
    expect(api.requests.slice(0, 4)).toEqual(['list', 'list more', 'list', 'list more'])
  })

  it('is not confused by a clock that jumps', async () => {
    const dir = temporaryFolder()
    // Moves the clock of the day back and forth by a day, each half second, for the whole process.
    const jump = join(dir, 'jump.mjs')
    writeFileSync(
      jump,
      'const now = Date.now; let by = 0; setInterval(() => { by = by ? 0 : -86400e3 }, 500).unref(); Date.now = () => now() + by\n',
    )
    const api = await fakeApi({ bookmarks: 300 })
    api.set(self)
    const native = fakeNative()
    const kubeApi = { kubeconfig: writeKubeconfig(dir, api.url), idleTimeout: 2 }
    const agent = await startAgent({ native: native.program, config: { kubeApi, fullPass: 1 }, nodeFlags: ['--import', jump] })
    cleanup.push(() => agent.kill())
    await appliedPeers(native, [])
    for (let n = 1; n <= 5; n++) {
      api.set(peer(n))
      await appliedPeers(
        native,
        Array.from({ length: n }, (_, i) => `peer-${i + 1}`),
      )
      await new Promise((done) => setTimeout(done, 400))
    }
    expect((await agent.get('/healthz')).status).toBe(200)
    expect((await agent.get('/metrics')).body).toContain('podwire_nodes_watch_breaks_total 0')
  })

  it('rereads its token after a 401', async () => {
    const api = await fakeApi({ authorization: 'Bearer new' })
    api.set(self)
    const native = fakeNative()
    const dir = temporaryFolder()
    const kubeconfig = writeKubeconfig(dir, api.url, { token: 'old' })
    const agent = await startAgent({ native: native.program, config: { kubeApi: { kubeconfig } } })
    cleanup.push(() => agent.kill())
    await eventually(() => agent.log().some(({ reason }) => String(reason).includes('401')))
    writeKubeconfig(dir, api.url, { token: 'new' })
    await appliedPeers(native, [])
  })

  it('takes the endpoint from kubeApi.host and port', async () => {
    const api = await fakeApi()
    api.set(self)
    const native = fakeNative()
    const kubeconfig = writeKubeconfig(temporaryFolder(), 'http://service.invalid:1')
    const agent = await startAgent({ native: native.program, config: { kubeApi: { kubeconfig, host: '127.0.0.1', port: api.port } } })
    cleanup.push(() => agent.kill())
    await appliedPeers(native, [])
  })
})

describe('the agent and its node', () => {
  it('stops within two seconds and leaves the conflist', async () => {
    const { agent, native } = await scene()
    await eventually(() => native.published().length > 0)
    expect(await agent.stop()).toBeLessThan(2 * fairSecond())
    expect(await agent.ended).toBe(0)
    expect(statSync(join(agent.dir, 'conf/10-podwire.conflist')).isFile()).toBe(true)
    expect(JSON.parse(readFileSync(join(agent.dir, 'run/status.json'), 'utf8'))).toMatchObject({ stopping: true })
  })

  it('restores the conflist when it is removed or edited, or its directory removed', async () => {
    const { agent, native } = await scene()
    const file = join(agent.dir, 'conf/10-podwire.conflist')
    const content = await eventually(() => native.published().length > 0 && readFileSync(file, 'utf8'))
    const repairs = async (count: number) =>
      (await agent.get('/metrics')).body.includes(`podwire_drift_repairs_total{kind="conflist"} ${count}`)
    unlinkSync(file)
    await eventually(() => readFileSync(file, 'utf8') === content, fairSecond())
    await eventually(() => repairs(1))
    writeFileSync(file, '{}')
    await eventually(() => readFileSync(file, 'utf8') === content, fairSecond())
    await eventually(() => repairs(2))
    rmSync(join(agent.dir, 'conf'), { recursive: true })
    mkdirSync(join(agent.dir, 'conf'))
    await eventually(() => readFileSync(file, 'utf8') === content, 5 * fairSecond())
  })

  it('makes a pass within a second of a kernel notification, and counts what was repaired', async () => {
    const { agent, native, peers } = await scene()
    await peers('peer-1')
    await eventually(async () => (await agent.get('/metrics')).body.includes('podwire_kernel_watch_up 1'))
    await new Promise((done) => setTimeout(done, 500))
    const passes = native.applied().length
    native.answer({ ...goodReport, drift: { route: 2 } })
    native.emit({ event: 'route', object: '10.1.1.0/24' })
    await eventually(() => native.applied().length > passes, fairSecond())
    await eventually(async () => (await agent.get('/metrics')).body.includes('podwire_drift_repairs_total{kind="route"} 2'))
  })

  it('publishes in spite of one bad peer, and not before the node itself is right', async () => {
    const native = fakeNative()
    const problem = (kind: string) => ({ ...goodish, problems: [{ kind, object: 'x', message: 'it did not work' }] })
    const goodish = { protocol: 1, routes: { desired: 2, actual: 1 }, mtu: 1400, drift: {} }
    native.answer(problem('nft'), 1)
    const api = await fakeApi()
    api.set(self)
    const agent = await startAgent({
      native: native.program,
      config: { kubeApi: { kubeconfig: writeKubeconfig(temporaryFolder(), api.url) } },
    })
    cleanup.push(() => agent.kill())
    await eventually(async () => (await agent.get('/readyz')).body.includes('not ready masquerade: it did not work'))
    expect(native.published()).toEqual([])
    native.answer(problem('route'), 1)
    await eventually(() => native.published().length > 0)
    expect((await agent.get('/readyz')).body).toContain('not ready routes: 1 of 2 are missing')
    expect((await agent.get('/metrics')).body).toMatch(/podwire_reconcile_errors_total\{kind="route"\} [1-9]/)
  })

  it('ends with an error when the native program has another protocol', async () => {
    const native = fakeNative()
    writeFileSync(join(native.program, '../version'), JSON.stringify({ version: '9.9.9', protocol: 2 }))
    const agent = await startAgent({ native: native.program, config: { nodesFile: '/missing/nodes.json' } })
    expect(await agent.ended).toBe(1)
    expect(agent.log().at(-1)).toMatchObject({ reason: expect.stringContaining('9.9.9 speaks protocol 2, this agent speaks 1') })
  })

  it('waits for the native program when it does not exist yet', async () => {
    const missing = join(temporaryFolder(), 'podwire')
    const agent = await startAgent({ native: missing, config: { nodesFile: '/missing/nodes.json' } })
    cleanup.push(() => agent.kill())
    await eventually(() => agent.log().some(({ msg }) => msg === 'waiting for the native program'))
    expect((await agent.get('/readyz')).body).toContain(`cannot run ${missing}: the file does not exist`)
  })

  it('reports every problem of its configuration, with paths', async () => {
    const agent = await startAgent({
      native: 'x',
      config: { nodeName: '', mtu: 20, routing: { mode: 'fast' }, clusterCidrs: ['10.0.0.0/8', 'x'], mtuu: 1 },
    })
    expect(await agent.ended).toBe(2)
    for (const text of [
      'mtuu: unknown key',
      'routing.mode: expected one of',
      'mtu: expected 0',
      'clusterCidrs[1]: expected CIDR',
      'nodeName: the node has no name',
    ]) {
      expect(agent.stderr()).toContain(text)
    }
  })
})

describe('the agent and a file of Nodes', () => {
  it('follows the file when it is overwritten or replaced, and keeps the last valid content', async () => {
    const dir = temporaryFolder()
    const nodesFile = join(dir, 'nodes.json')
    const list = (...nodes: FakeNode[]) =>
      JSON.stringify({
        kind: 'List',
        items: nodes.map(({ name, addresses, podCidrs }) => ({
          kind: 'Node',
          metadata: { name },
          spec: { podCIDR: podCidrs[0] },
          status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
        })),
      })
    writeFileSync(nodesFile, list(self, peer(1)))
    const native = fakeNative()
    const agent = await startAgent({ native: native.program, config: { nodesFile } })
    cleanup.push(() => agent.kill())
    await appliedPeers(native, ['peer-1'])
    writeFileSync(nodesFile, list(self, peer(1), peer(2)))
    await appliedPeers(native, ['peer-1', 'peer-2'])
    writeFileSync(nodesFile, '{"items": [')
    await eventually(() => agent.log().some(({ msg }) => msg === 'watch of Nodes failed; retrying'))
    unlinkSync(nodesFile)
    await new Promise((done) => setTimeout(done, 200))
    expect(native.applied().at(-1)?.peers).toHaveLength(2)
    writeFileSync(nodesFile, list(self))
    await appliedPeers(native, [])
  })
})
