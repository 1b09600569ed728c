// Creates the parts of the agent and connects them. Everything runs until `signal`.

import type { AgentConfig } from './config.ts'
import { Conflist } from './conflist/conflist.ts'
import { API_TIMEOUT } from './desired/desired.ts'
import { reasonOf } from './failure.ts'
import { Api } from './kube/api.ts'
import { requester } from './kube/request.ts'
import type { Logger } from './log.ts'
import { sleep } from './loop/backoff.ts'
import { Heartbeats } from './loop/heartbeat.ts'
import { Reconciler } from './loop/reconcile.ts'
import { watchKernel } from './native/kernel-watch.ts'
import { type Native, NativeError } from './native/native.ts'
import { followNodes } from './nodes/follow-api.ts'
import { followFile } from './nodes/follow-file.ts'
import { Nodes } from './nodes/nodes.ts'
import { makePass } from './pass.ts'
import { type AgentState, newAgentState } from './report/agent-state.ts'
import { podOf, reportToKubernetes } from './report/kubernetes.ts'
import { StatusFile } from './report/status-file.ts'
import { serveHealth } from './serve/health.ts'
import { makeMetrics } from './serve/metrics.ts'

/** Milliseconds. A pass is at most one apply and one publish, each with a limit of its own. */
const MAX_PASS = 45_000

/** Returns after `signal`, once the running pass has ended. Throws a NativeError when the native program speaks another protocol. */
export async function runAgent(config: AgentConfig, native: Native, log: Logger, signal: AbortSignal): Promise<void> {
  const agentState = newAgentState(config.nodeName, config.nodesFile ? 'file' : 'kubernetes', config.conflist.publish)
  const heartbeats = new Heartbeats()
  const api = new Api(config.kubeApi)
  const metrics = makeMetrics({ agentState, runDir: config.paths.runDir, bytesRead: () => api.bytesRead })
  const nodes = new Nodes(() => reconciler.mark('nodes'))
  const conflist = new Conflist(config, native, agentState, log)
  const status = new StatusFile(config.paths.runDir, agentState, log)
  const pass = makePass({ config, nodes, native, conflist, agentState, log, onApplied: metrics.applied })
  const reconciler = new Reconciler(
    async (causes) => {
      const done = await pass(causes)
      await status.write()
      return done
    },
    { fullPass: config.fullPass, firstPass: API_TIMEOUT + 50 },
    log,
  )

  const health = config.listen && serveHealth(config.listen, { agentState, heartbeats, registry: metrics.registry, log }, signal)
  agentState.nativeVersion = await nativeVersion(native, agentState, log, signal)
  const listening = (yes: boolean) => {
    agentState.kernelWatch = yes
  }
  await Promise.all([
    health,
    followSource(config, api, nodes, agentState, heartbeats, log, signal),
    reconciler.run(heartbeats.loop('reconcile', config.fullPass * 1100 + MAX_PASS), signal),
    watchKernel(native, { listening, changed: () => reconciler.mark('kernel') }, log, signal),
    conflist.watch({ beat: heartbeats.loop('conflist', MAX_PASS), changed: () => reconciler.mark('conflist') }, signal),
    status.run(signal),
    // With a file of Nodes there is no API server.
    config.nodesFile
      ? undefined
      : reportToKubernetes(config.report, agentState, requester(config.kubeApi), podOf(process.env), log, signal),
  ])
  api.close()
  await status.write(true)
}

/** The installer may still have to copy the program, so a missing one is retried; one of another protocol is not. */
async function nativeVersion(native: Native, agentState: AgentState, log: Logger, signal: AbortSignal): Promise<string> {
  let reported = ''
  for (;;) {
    try {
      const version = await native.version()
      agentState.apply.failure = ''
      return version
    } catch (error) {
      if (signal.aborted) return ''
      if (error instanceof NativeError && error.kind === 'protocol') throw error
      const reason = reasonOf(error)
      if (reason !== reported) log.error({ reason }, 'waiting for the native program')
      reported = reason
      agentState.apply.failure = reason
      await sleep(1_000, signal)
    }
  }
}

function followSource(
  config: AgentConfig,
  api: Api,
  nodes: Nodes,
  agentState: AgentState,
  heartbeats: Heartbeats,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { source } = agentState
  // Silent for as long as a list's or a watch's own limit, and the longest wait that a server may ask for.
  const beat = heartbeats.loop('nodes', config.kubeApi.idleTimeout * 1000 + 150_000)
  let reported = ''
  const observer = {
    beat,
    state(state: 'listing' | 'watching' | 'waiting', why: string) {
      source.state = state
      source.why = why
      if (state === 'waiting') {
        source.breaks++
        if (why !== reported) log.warn({ reason: why }, 'watch of Nodes failed; retrying')
        reported = why
      } else if (state === 'watching' && reported !== '') {
        log.info('watch of Nodes restored')
        reported = ''
      }
    },
    listed(count: number) {
      source.lists++
      source.synced = true
      source.lastEventAt = performance.now()
      log.info({ nodes: count }, 'listed all Nodes')
    },
    event() {
      source.lastEventAt = performance.now()
    },
  }
  if (config.nodesFile) return followFile(config.nodesFile, nodes, observer, signal)
  return followNodes({ api, nodes, observer, options: config.kubeApi, signal })
}
