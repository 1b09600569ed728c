// `node bench/cluster.ts`: pods on real clusters, with podwire and with the Go reference plugins by turns. Figures go to dist/bench-cluster.json.
// ROUNDS (3) is how many clusters of each. Needs `make image`; builds the cluster's programs and the reference where they are not kept.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { namespaces } from '../e2e/cluster/driver.ts'
import { stateFolder } from '../e2e/cluster/world.ts'
import { succeeded } from '../e2e/command.ts'
import type { Cluster } from '../e2e/driver.ts'
import { nodesReady, on } from '../e2e/kubernetes.ts'
import { type Cost, disperse, gather, restful } from '../e2e/pod-batch.ts'
import { createPod, deletePods } from '../e2e/pods.ts'
import { type MeasuredNetwork, networks, timePlugins } from './cluster/networks.ts'
import { readSandboxes, type Sandbox } from './cluster/sandboxes.ts'
import { quantile } from './table.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const rounds = Number(process.env.ROUNDS ?? 3)
const many = 100
const some = 30
const namespace = 'default'
const node = 'n2'

/** Of one network in one round. */
interface Round {
  readonly network: MeasuredNetwork['name']
  readonly install: number
  readonly hostNetwork: Cost
  readonly podNetwork: Cost
  /** Pods one after the other, and many at once. */
  readonly single: readonly Sandbox[]
  readonly atOnce: readonly Sandbox[]
  /** Bytes, a node each, while nothing happens and with the many pods. */
  readonly agents: readonly number[]
}

execFileSync('sh', [join(root, 'build/go-reference.sh')], { stdio: ['ignore', 'ignore', 'inherit'] })
const folder = mkdtempSync(join(tmpdir(), 'podwire-bench-'))
const results: Round[] = []
try {
  for (let round = 1; round <= rounds; round++) {
    for (const network of networks) results.push(await measure(network, round))
  }
} finally {
  rmSync(folder, { recursive: true })
}
mkdirSync(join(root, 'dist'), { recursive: true })
writeFileSync(join(root, 'dist/bench-cluster.json'), `${JSON.stringify(results, undefined, 2)}\n`)
for (const { name } of networks) summarize(name)

async function measure(network: MeasuredNetwork, round: number): Promise<Round> {
  const cluster = await namespaces.up({}, 1)
  try {
    await network.prepare(cluster)
    const began = performance.now()
    // A Node is Ready before the agent's pod says that it is.
    const ready = nodesReady(cluster).then(() => (performance.now() - began) / 1000)
    const [install] = await Promise.all([ready, network.install(cluster)])
    const idle = network.name === 'podwire' ? await agentMemory(cluster) : []
    const hostNetwork = await comeAndGo(cluster, 'host-network', many, true)
    const podNetwork = await comeAndGo(cluster, 'pod-network', many, false)
    const busy = network.name === 'podwire' ? await agentMemory(cluster) : []
    await timePlugins(cluster, node, network, folder)
    for (let n = 0; n < some; n++) await createPod(cluster, namespace, `single-${n}`, { node, command: restful })
    await deletePods(cluster, namespace, ...Array.from({ length: some }, (_, n) => `single-${n}`))
    await comeAndGo(cluster, 'at-once', some, false)
    const clocks = succeeded(await cluster.inNode(node, ['cat', '/run/timed.log']), 'the clocks')
    const sandboxes = readSandboxes(readFileSync(join(stateFolder(1), node, 'log/containerd.log'), 'utf8'), clocks)
    const of = (prefix: string) => sandboxes.filter(({ pod }) => pod.startsWith(prefix))
    const result = {
      network: network.name,
      install,
      hostNetwork,
      podNetwork,
      single: of('single-'),
      atOnce: of('at-once-'),
      agents: [...idle, ...busy],
    }
    console.log(`${round}/${rounds} ${network.name}: ${podNetwork.seconds.toFixed(1)} s beside ${hostNetwork.seconds.toFixed(1)} s`)
    return result
  } finally {
    await cluster.down()
  }
}

async function comeAndGo(cluster: Cluster, name: string, count: number, hostNetwork: boolean): Promise<Cost> {
  const cost = await gather(cluster, { name, namespace, count, node, hostNetwork })
  await disperse(cluster, { name, namespace })
  return cost
}

async function agentMemory(cluster: Cluster): Promise<number[]> {
  const texts = await Promise.all(
    on(cluster).map((one) => cluster.inNode(one, ['curl', '-sS', '-m', '5', `http://127.0.0.1:9465/metrics`]).then(({ stdout }) => stdout)),
  )
  return texts.map((text) => Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]))
}

function summarize(name: MeasuredNetwork['name']): void {
  const own = results.filter(({ network }) => network === name)
  const median = (measureOf: (round: Round) => number) => quantile(own.map(measureOf), 0.5)
  const show = (what: string, value: string) => console.log(`${`${name}: ${what}`.padEnd(70)} ${value}`)
  show('until all nodes are Ready', `${median(({ install }) => install).toFixed(1)} s`)
  show(
    `${many} pods with hostNetwork`,
    `${median((r) => r.hostNetwork.seconds).toFixed(1)} s, ${median((r) => r.hostNetwork.cpu).toFixed(1)} s CPU`,
  )
  show(`${many} pods`, `${median((r) => r.podNetwork.seconds).toFixed(1)} s, ${median((r) => r.podNetwork.cpu).toFixed(1)} s CPU`)
  show('beside hostNetwork', `${median((r) => r.podNetwork.seconds / r.hostNetwork.seconds).toFixed(2)}×`)
  show('CPU above hostNetwork', `${median((r) => r.podNetwork.cpu - r.hostNetwork.cpu).toFixed(1)} s`)
  for (const [what, pick] of [
    ['one by one', (r: Round) => r.single],
    [`${some} at once`, (r: Round) => r.atOnce],
  ] as const) {
    const all = own.flatMap(pick)
    const range = (values: readonly number[]) => `p50 ${quantile(values, 0.5).toFixed(1)}, p99 ${quantile(values, 0.99).toFixed(1)} ms`
    show(`RunPodSandbox, ${what} (${all.length})`, range(all.map(({ total }) => total)))
    show(`plugins in it, ${what}`, range(all.map(({ plugins }) => plugins)))
  }
  const agents = own.flatMap(({ agents: bytes }) => bytes)
  if (agents.length > 0) show('agent RSS, median and largest', `${mb(quantile(agents, 0.5))}, ${mb(Math.max(...agents))} MB`)
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}
