// The metrics, each once: docs/metrics.md has the same list, and a test compares the two.

import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { PROTOCOL } from '../../node/state.ts'
import type { AgentState } from '../report/agent-state.ts'
import { type PoolUse, poolUse } from '../report/pool.ts'
import { isReady, readyChecks } from '../report/ready.ts'
import { version } from '../version.ts'
import { type Registrar, registrar } from './registrar.ts'

export interface Metrics {
  readonly registry: Registry
  /** An attempt to make the kernel match. */
  applied(seconds: number, errors: readonly string[]): void
}

/** Read at each scrape. */
export interface MetricSources {
  readonly agentState: AgentState
  readonly runDir: string
  /** Of the API server's answers. */
  bytesRead(): number
}

export function makeMetrics({ agentState, runDir, bytesRead }: MetricSources): Metrics {
  const registry = new Registry()
  const to = registrar(registry)
  agentMetrics(registry, to, agentState)
  nodeMetrics(to, agentState, bytesRead)
  kernelMetrics(to, agentState)
  conflistMetrics(to, agentState)
  poolMetrics(to, agentState, runDir)
  processMetrics(to)
  return { registry, applied: reconcileMetrics(registry) }
}

function agentMetrics(registry: Registry, { gauge }: Registrar, agentState: AgentState): void {
  new Gauge({
    name: 'podwire_build_info',
    help: 'Always 1; versions of the agent and of the native program, and the protocol between them',
    labelNames: ['version', 'native_version', 'protocol'],
    registers: [registry],
    collect() {
      this.reset()
      this.set({ version, native_version: agentState.nativeVersion, protocol: String(PROTOCOL) }, 1)
    },
  })
  gauge('podwire_ready', '1 while /readyz reports ready', () => Number(isReady(readyChecks(agentState))))
}

function nodeMetrics({ gauge, counter, table }: Registrar, agentState: AgentState, bytesRead: () => number): void {
  const { source } = agentState
  gauge('podwire_nodes', 'Nodes of the cluster as last listed or watched', () => agentState.nodes)
  table(
    Gauge,
    'podwire_node_problems',
    'Nodes that are skipped or warned about, by kind of problem; docs/configure.md explains each',
    'kind',
    () => countByKind(agentState.planProblems),
  )
  gauge('podwire_nodes_watch_up', '1 while the Nodes are watched, 0 while they are listed or the source is retried', () =>
    Number(source.state === 'watching'),
  )
  gauge('podwire_nodes_watch_event_age_seconds', 'Time since the last event of the source of the Nodes, bookmarks included', () =>
    age(source.lastEventAt),
  )
  counter('podwire_nodes_lists_total', 'Lists of all Nodes', () => source.lists)
  counter('podwire_nodes_watch_breaks_total', 'Watches and lists of Nodes that failed', () => source.breaks)
  counter('podwire_api_read_bytes_total', "Bytes of the API server's answers", bytesRead)
}

function kernelMetrics({ gauge, table }: Registrar, agentState: AgentState): void {
  const { apply } = agentState
  gauge('podwire_routes_desired', 'Routes to peers in the desired state', () => apply.routes.desired)
  gauge('podwire_routes_actual', 'Routes to peers of the desired state that the kernel has', () => apply.routes.actual)
  gauge('podwire_pod_mtu_bytes', 'MTU of pods; 0 before the first pass', () => apply.mtu)
  gauge('podwire_kernel_watch_up', "1 while the kernel's notifications are read", () => Number(agentState.kernelWatch))
  table(
    Counter,
    'podwire_drift_repairs_total',
    'Objects of podwire that another program removed or changed and a pass restored, by kind',
    'kind',
    () => agentState.drift,
  )
  gauge('podwire_reconcile_last_success_timestamp_seconds', 'Time of the last pass without a failure; 0 is never', () =>
    timestamp(apply.lastSuccessAt),
  )
}

/** Returns what is called after every apply. */
function reconcileMetrics(registry: Registry): Metrics['applied'] {
  const duration = new Histogram({
    name: 'podwire_reconcile_duration_seconds',
    help: 'Duration of `podwire node apply`, process start included',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    registers: [registry],
  })
  const errors = new Counter({
    name: 'podwire_reconcile_errors_total',
    help: 'Failures of passes, by kind of object; missing, timeout, protocol, usage and died are of the native program itself',
    labelNames: ['kind'],
    registers: [registry],
  })
  return (seconds, kinds) => {
    duration.observe(seconds)
    for (const kind of kinds) errors.inc({ kind })
  }
}

function conflistMetrics({ gauge }: Registrar, { conflist }: AgentState): void {
  gauge('podwire_conflist_published', '1 while the conflist is published', () => Number(conflist.published && conflist.failure === ''))
  gauge('podwire_conflist_shadowed', "1 while another network's file sorts before podwire's conflist, so that the runtime uses it", () =>
    Number(conflist.report?.others.some(({ wins }) => wins) ?? false),
  )
  gauge('podwire_conflist_last_success_timestamp_seconds', 'Time when the conflist was last verified or published; 0 is never', () =>
    timestamp(conflist.lastSuccessAt),
  )
}

function poolMetrics({ table, counter }: Registrar, agentState: AgentState, runDir: string): void {
  const pool = (name: string, help: string, read: (use: PoolUse) => number) => {
    table(Gauge, name, help, 'range', async () => {
      const uses = await poolUse(runDir, agentState.podCidrs)
      return uses.map((use): [string, number] => [use.podCidr, read(use)])
    })
  }
  pool('podwire_pool_addresses', 'Addresses that pods can get, by podCIDR', ({ size }) => size)
  pool('podwire_pool_addresses_used', 'Leased addresses, by podCIDR', ({ used }) => used)
  const exhausted = 'podwire_pool_exhausted'
  table(Gauge, exhausted, '1 while the addresses are exhausted, and until some have stayed free, by podCIDR', 'range', () =>
    agentState.pools.map(({ podCidr, level }): [string, number] => [podCidr, Number(level === 'exhausted')]),
  )
  table(
    Counter,
    'podwire_pool_exhaustions_total',
    'Times that the addresses became exhausted since the agent started, by podCIDR',
    'range',
    () => agentState.exhaustions,
  )
  counter('podwire_leases_reclaimed_total', 'Leases that were released because their pod was gone without DEL', () => agentState.reclaimed)
}

function processMetrics({ gauge, counter }: Registrar): void {
  gauge('process_resident_memory_bytes', 'Resident memory of the agent', () => process.memoryUsage.rss())
  counter('process_cpu_seconds_total', 'CPU time of the agent, without the programs that it runs', () => cpuSeconds())
  gauge('process_start_time_seconds', 'Time when the agent started', () => Math.round((Date.now() - performance.now()) / 1000))
}

function countByKind(problems: readonly { readonly kind: string }[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { kind } of problems) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

/** Seconds since `at`; since the start where it never was. */
function age(at: number): number {
  return (performance.now() - Math.max(at, 0)) / 1000
}

/** By the current wall clock, so that a jump of it moves all timestamps together. */
function timestamp(at: number): number {
  return at === Number.NEGATIVE_INFINITY ? 0 : (Date.now() - (performance.now() - at)) / 1000
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
