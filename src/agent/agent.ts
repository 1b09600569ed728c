// Creates the parts of the agent, from what they share to what drives them, and runs them until `signal`.

import { Apply } from './apply/apply.ts'
import type { AgentConfig } from './config.ts'
import { ConflistPublisher } from './conflist/publisher.ts'
import { API_TIMEOUT } from './desired/desired.ts'
import { followSource, sourceObserver } from './follow-source.ts'
import { runIpam } from './ipam/index.ts'
import { Api } from './kube/api.ts'
import { requester } from './kube/request.ts'
import type { Logger } from './log.ts'
import { Heartbeats } from './loop/heartbeat.ts'
import { Reconciler } from './loop/reconcile.ts'
import { watchKernel } from './native/kernel-watch.ts'
import type { Native } from './native/native.ts'
import { waitForProgram } from './native/wait.ts'
import { Nodes } from './nodes/nodes.ts'
import { makePass } from './pass.ts'
import { type AgentState, newAgentState } from './report/agent-state.ts'
import { podOf, reportToKubernetes } from './report/kubernetes.ts'
import { watchPools } from './report/pool-watch.ts'
import { StatusFile } from './report/status-file.ts'
import { serveHealth } from './serve/health.ts'
import { type Metrics, makeMetrics } from './serve/metrics.ts'

/** Milliseconds. A pass is at most one apply and one publish, each with a limit of its own. */
const MAX_PASS = 45_000
/** Milliseconds beyond a watch's own limit: the longest wait that a server may request. */
const MAX_RETRY_AFTER = 150_000

/** What every part gets. */
interface Shared {
  readonly config: AgentConfig
  readonly native: Native
  readonly agentState: AgentState
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Returns after `signal`, once the running pass has ended. Throws a NativeError when the native program speaks another protocol. */
export async function runAgent(config: AgentConfig, native: Native, log: Logger, signal: AbortSignal): Promise<void> {
  const agentState = newAgentState(config.nodeName, config.nodesFile ? 'file' : 'kubernetes', config.conflist.publish)
  const shared: Shared = { config, native, agentState, log, signal }
  const heartbeats = new Heartbeats()
  const api = new Api(config.kubeApi)
  const metrics = makeMetrics({ agentState, runDir: config.paths.runDir, bytesRead: () => api.bytesRead })
  const status = new StatusFile(config.paths.runDir, agentState, log)

  const serving = config.listen && serveHealth(config.listen, { agentState, heartbeats, registry: metrics.registry, log }, signal)
  agentState.nativeVersion = await waitForProgram(native, (reason) => setFailure(agentState, reason), log, signal)
  setFailure(agentState, '')
  await Promise.all([
    serving,
    reconcile(shared, api, metrics, status, heartbeats),
    status.run(signal),
    watchPools(config.paths.runDir, agentState, log, signal),
    reportTo(shared),
    runIpam(config, agentState, log, signal),
  ])
  api.close()
  await status.write(true)
}

/** The loop, and the three that trigger it: the Nodes, the kernel and the conflist's directory. */
async function reconcile(
  { config, native, agentState, log, signal }: Shared,
  api: Api,
  metrics: Metrics,
  status: StatusFile,
  heartbeats: Heartbeats,
): Promise<void> {
  const reconciler = new Reconciler({ fullPass: config.fullPass, firstPass: API_TIMEOUT + 50 }, log)
  const nodes = new Nodes(() => reconciler.mark('nodes'))
  const conflist = new ConflistPublisher(config, native, agentState, log)
  const apply = new Apply(native, agentState, log, metrics.applied)
  const pass = makePass({ config, nodes, apply, conflist, agentState, log })
  const observer = sourceObserver(agentState, heartbeats.loop('nodes', config.kubeApi.idleTimeout * 1000 + MAX_RETRY_AFTER), log)
  const listening = (yes: boolean) => {
    agentState.kernelWatch = yes
  }
  const passThenStatus: typeof pass = async (causes) => {
    const done = await pass(causes)
    await status.write()
    return done
  }
  await Promise.all([
    followSource(config, api, nodes, observer, signal),
    watchKernel(native, { listening, changed: () => reconciler.mark('kernel') }, log, signal),
    conflist.watch({ beat: heartbeats.loop('conflist', MAX_PASS), changed: () => reconciler.mark('conflist') }, signal),
    reconciler.run(passThenStatus, heartbeats.loop('reconcile', config.fullPass * 1100 + MAX_PASS), signal),
  ])
}

/** With a file of Nodes there is no API server. */
async function reportTo({ config, agentState, log, signal }: Shared): Promise<void> {
  if (config.nodesFile) return
  await reportToKubernetes(config.report, agentState, requester(config.kubeApi), podOf(process.env), log, signal)
}

function setFailure({ apply }: AgentState, reason: string): void {
  apply.failure = reason
}
