// One pass: what should be → the kernel → the conflist, in this order, since a conflist that is there brings pods.

import type { Problem } from '../contract/problem.ts'
import type { NodeState } from '../node/state.ts'
import type { AgentConfig } from './config.ts'
import type { Conflist } from './conflist/conflist.ts'
import { desired } from './desired/desired.ts'
import { JoinedPeers } from './desired/joined-peers.ts'
import { reasonOf } from './failure.ts'
import { type Logger, ProblemLog } from './log.ts'
import type { Cause, Pass } from './loop/reconcile.ts'
import { type Native, NativeError } from './native/native.ts'
import type { ApplyReport } from './native/native-report.ts'
import type { Nodes } from './nodes/nodes.ts'
import type { AgentState } from './report/agent-state.ts'

export interface PassParts {
  readonly config: AgentConfig
  readonly nodes: Nodes
  readonly native: Native
  readonly conflist: Conflist
  readonly agentState: AgentState
  readonly log: Logger
  /** Called after every apply: its seconds, and the kinds of its failures. */
  readonly onApplied: (seconds: number, errors: readonly string[]) => void
}

/** Without these no pod of this node has a network. Other failures are of peers, and no peer keeps this node's pods from starting. */
const OF_THE_NODE: ReadonlySet<string> = new Set(['nft', 'sysctl', 'no-uplink', 'routes'])

export function makePass(parts: PassParts): Pass {
  const { config, nodes, native, conflist, agentState, log, onApplied } = parts
  const planLog = new ProblemLog(log)
  const applyLog = new ProblemLog(log)
  const joinedPeers = new JoinedPeers()

  const apply = async (json: string): Promise<ApplyReport | undefined> => {
    const started = performance.now()
    let errors: readonly string[] = []
    try {
      const report = await native.apply(json)
      errors = failuresIn(report).map(({ kind }) => kind)
      applyLog.report(report.problems)
      agentState.apply.failure = ''
      return report
    } catch (error) {
      const kind = error instanceof NativeError ? error.kind : 'other'
      errors = [kind]
      agentState.apply.failure = reasonOf(error)
      applyLog.report([{ kind, object: '', message: reasonOf(error), failed: true }])
      return undefined
    } finally {
      agentState.apply.lastAt = performance.now()
      agentState.apply.lastMilliseconds = agentState.apply.lastAt - started
      onApplied(agentState.apply.lastMilliseconds / 1000, errors)
    }
  }

  // A failure here recurs in the pass, which reports it.
  const addJoined = async (state: NodeState) => {
    try {
      await native.addPeers(JSON.stringify(state))
    } catch (error) {
      log.debug({ reason: reasonOf(error), peers: state.peers.length }, 'new peers wait for the pass')
    }
  }

  return async (causes) => {
    if (isConflistOnly(causes) && agentState.apply.ok) return conflist.publish(agentState.podCidrs, agentState.apply.mtu, true)
    const state = desired(nodes, config, agentState, log)
    agentState.nodes = nodes.size
    planLog.report(agentState.planProblems)
    if (!state) return true
    const joined = state.state && joinedPeers.next(state.state)
    if (joined) await addJoined(joined)
    const report = await apply(state.json)
    if (!report) {
      agentState.apply.ok = false
      return false
    }
    record(agentState, report, log)
    agentState.podCidrs = state.podCidrs
    // Once it is there it stays: running pods are not helped by a node that cannot clean up after them.
    if (!agentState.conflist.published && failuresIn(report).some(({ kind }) => OF_THE_NODE.has(kind))) return false
    const published = await conflist.publish(state.podCidrs, report.mtu, causes.has('full') || causes.has('conflist'))
    return published && agentState.apply.ok
  }
}

function isConflistOnly(causes: ReadonlySet<Cause>): boolean {
  return causes.size === 1 && causes.has('conflist')
}

function failuresIn({ problems }: ApplyReport): Problem[] {
  return problems.filter(({ failed }) => failed)
}

function record(agentState: AgentState, report: ApplyReport, log: Logger): void {
  const { apply, drift } = agentState
  apply.ok = failuresIn(report).length === 0
  if (apply.ok) apply.lastSuccessAt = performance.now()
  apply.mtu = report.mtu
  apply.vxlan = report.vxlan
  apply.routes = report.routes
  apply.problems = report.problems
  apply.peers = report.peers
  const repaired = [...report.drift].filter(([, count]) => count > 0)
  for (const [kind, count] of repaired) drift.set(kind, (drift.get(kind) ?? 0) + count)
  if (repaired.length > 0) log.warn({ repaired: Object.fromEntries(repaired) }, 'drift repaired')
  log.debug({ routes: report.routes, changed: report.changed, mtu: report.mtu }, 'applied')
}
