// `node bench/agent.ts`: the agent's memory, processor time and latencies, on a throw-away host against the fake API server. Figures go to dist/bench-agent.json.
// HEARTBEAT_SECONDS (90) is how long heartbeats are counted, NODES (5000) how many there are.

import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeName, numberedNode } from '../test/fake-api/node-json.ts'
import { FakeApi } from '../test/fake-api/server.ts'
import {
  type Agent,
  cleanUpAgents,
  eventually,
  installInto,
  startAgent,
  temporaryFolder,
  writeKubeconfig,
} from '../test/harness/agent-process.ts'
import { withHost } from '../test/harness/throwaway-host.ts'
import { quantile } from './table.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const nodes = Number(process.env.NODES ?? 5000)
const heartbeatSeconds = Number(process.env.HEARTBEAT_SECONDS ?? 90)
/** A kubelet writes its status each 5 minutes where nothing changes. */
const heartbeatPeriod = 300
const joins = 100

interface Figure {
  readonly what: string
  readonly value: number
  readonly unit: string
}

// The host's processes see another network and other process ids: what measures runs inside.
if (process.argv[2] === 'inside') await measure()
else await outside()

async function outside(): Promise<void> {
  const figures = await withHost(async (host) => {
    // This node's device, on the link of all the others.
    await host.run('ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'far')
    await host.run('ip', 'link', 'set', 'far', 'up')
    await host.run('ip', 'addr', 'add', '172.16.0.1/16', 'dev', 'uplink')
    await host.run('ip', 'link', 'set', 'uplink', 'up')
    const { status, stdout, stderr } = await host.exec(process.execPath, [join(root, 'bench/agent.ts'), 'inside'], { timeout: 900_000 })
    if (status !== 0) throw new Error(`the measurement ended with ${status}: ${stderr}${stdout}`)
    const found: Figure[] = JSON.parse(stdout)
    return found
  })
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(join(root, 'dist/bench-agent.json'), `${JSON.stringify(figures, undefined, 2)}\n`)
  for (const { what, value, unit } of figures) console.log(`${what.padEnd(70)} ${value.toFixed(value < 10 ? 2 : 0).padStart(10)} ${unit}`)
}

async function measure(): Promise<void> {
  const figures: Figure[] = []
  const note = (what: string, value: number, unit: string) => figures.push({ what, value, unit })
  try {
    await small(note)
    await large(note)
  } finally {
    cleanUpAgents()
  }
  process.stdout.write(JSON.stringify(figures))
}

type Note = (what: string, value: number, unit: string) => void

/** Two nodes: the floor. */
async function small(note: Note): Promise<void> {
  const { api, start } = await cluster(2)
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    const { agent, milliseconds } = await start()
    times.push(milliseconds)
    if (round === 4) {
      await pause(20_000)
      note('2 Nodes: resident memory after 20 s', memory(agent).rss, 'MB')
      note('2 Nodes: of that, not the text of node', memory(agent).anonymous, 'MB')
    }
    await agent.kill()
  }
  note('2 Nodes: start to ready, median of 5', quantile(times, 0.5), 'ms')
  await api.stop()
}

async function large(note: Note): Promise<void> {
  const { api, start } = await cluster(nodes)
  const title = `${nodes} Nodes`
  const first = await start()
  note(`${title}: start to ready, nothing in the kernel yet`, first.milliseconds, 'ms')
  note(`${title}: bytes read from the API at a start`, api.bytesSent / 1e6, 'MB')
  await first.agent.kill()
  const again: number[] = []
  for (let round = 0; round < 3; round++) {
    const { agent, milliseconds } = await start()
    again.push(milliseconds)
    await agent.kill()
  }
  note(`${title}: start to ready, all routes there already, median of 3`, quantile(again, 0.5), 'ms')

  const { agent } = await start()
  await pause(5_000)
  await joining(api, agent, note, title)
  await heartbeats(api, agent, note, title)
  note(`${title}: resident memory`, memory(agent).rss, 'MB')
  note(`${title}: of that, not the text of node`, memory(agent).anonymous, 'MB')
  note(`${title}: highest resident memory`, memory(agent).highest, 'MB')
  await breaking(api, agent, note, title)
  await agent.kill()
  await api.stop()
}

/** From the moment that the API server has the Node until the kernel reports its route. */
async function joining(api: FakeApi, agent: Agent, note: Note, title: string): Promise<void> {
  const monitor = spawn('ip', ['-o', 'monitor', 'route'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const seen = new Map<string, number>()
  monitor.stdout.on('data', (chunk: Buffer) => {
    const now = performance.now()
    for (const line of chunk.toString().split('\n')) seen.set(line.split(' ')[0] ?? '', now)
  })
  await pause(500)
  const times: number[] = []
  for (let n = 0; n < joins; n++) {
    const node = numberedNode(nodes + 10 + n)
    const started = performance.now()
    api.set(node)
    const subnet = node.podCidrs[0] ?? ''
    const at = await eventually(() => seen.get(subnet), 20_000)
    times.push(at - started)
    await pause(200 + Math.random() * 300)
  }
  monitor.kill()
  note(`${title}: a Node joins → its route is in the kernel, median of ${joins}`, quantile(times, 0.5), 'ms')
  note(`${title}: the same, 99th percentile`, quantile(times, 0.99), 'ms')
  for (let n = 0; n < joins; n++) api.delete(numberedNode(nodes + 10 + n).name)
  await eventually(async () => JSON.parse((await agent.get('/status')).body).routes.desired === nodes - 1, 20_000)
  await pause(3_000)
}

async function heartbeats(api: FakeApi, agent: Agent, note: Note, title: string): Promise<void> {
  const every = (heartbeatPeriod * 1000) / nodes
  let n = 0
  const before = processorTime(agent)
  const started = performance.now()
  const timer = setInterval(() => {
    // As many as are due by now, so that a late timer loses none.
    for (; n * every < performance.now() - started; n++) api.heartbeat(nodeName(1 + (n % nodes)))
  }, 20)
  await pause(heartbeatSeconds * 1000)
  clearInterval(timer)
  const seconds = (performance.now() - started) / 1000
  const after = processorTime(agent)
  note(
    `${title}: processor time of the agent, heartbeats of all every ${heartbeatPeriod} s`,
    (100 * (after.own - before.own)) / seconds,
    '% of a core',
  )
  note(`${title}: of the programs that it runs meanwhile`, (100 * (after.children - before.children)) / seconds, '% of a core')
}

async function breaking(api: FakeApi, agent: Agent, note: Note, title: string): Promise<void> {
  let before = api.bytesSent
  api.breakConnections()
  await eventually(() => api.watching === 1, 10_000)
  note(`${title}: bytes read when the connection breaks`, (api.bytesSent - before) / 1e6, 'MB')
  before = api.bytesSent
  const started = performance.now()
  api.goneWatches()
  await eventually(() => api.watching === 1, 30_000)
  note(`${title}: bytes read when history is gone (410)`, (api.bytesSent - before) / 1e6, 'MB')
  note(`${title}: until it watches again then`, performance.now() - started, 'ms')
  note(`${title}: highest resident memory after that`, memory(agent).highest, 'MB')
}

interface Cluster {
  readonly api: FakeApi
  start(): Promise<{ agent: Agent; milliseconds: number }>
}

/** This node is the first. TLS, as in a cluster. */
async function cluster(count: number): Promise<Cluster> {
  const dir = temporaryFolder()
  const api = new FakeApi({ tls: certificate(dir), bookmarks: 60_000 })
  for (let n = 1; n <= count; n++) api.set(numberedNode(n))
  await api.start()
  const kubeconfig = writeKubeconfig(dir, api.url)
  const native = join(root, 'dist/cni/podwire')
  const [program = '', ...args] = installInto(dir, native)
  execFileSync(program, args, { stdio: 'ignore' })
  return {
    api,
    async start() {
      const started = performance.now()
      const config = { nodeName: nodeName(1), kubeApi: { kubeconfig }, logLevel: 'info' }
      const agent = await startAgent({ native, dir, config })
      await eventually(async () => (await agent.get('/readyz')).status === 200, 60_000)
      return { agent, milliseconds: performance.now() - started }
    },
  }
}

function certificate(dir: string): { key: string; cert: string } {
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=fake']
  execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}

/** MB, of 10⁶ bytes. */
function memory({ pid }: Agent): { rss: number; anonymous: number; highest: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6
  return { rss: field('VmRSS'), anonymous: field('RssAnon'), highest: field('VmHWM') }
}

/** Seconds, in steps of a hundredth: proc(5), fields 14 to 17. */
function processorTime({ pid }: Agent): { own: number; children: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').map(Number) ?? []
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15)
  return { own: (user + system) / 100, children: (childUser + childSystem) / 100 }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds))
}
