// One pass: desired state → the kernel → the conflist, in this order, since a published conflist brings pods.

import type { Problem } from '../contract/problem.ts'
import { type Apply, failuresIn } from './apply/apply.ts'
import type { AgentConfig } from './config.ts'
import type { ConflistPublisher } from './conflist/publisher.ts'
import { desired } from './desired/desired.ts'
import { type Logger, ProblemLog } from './log.ts'
import type { Cause, Pass } from './loop/reconcile.ts'
import type { Nodes } from './nodes/nodes.ts'
import type { AgentState } from './report/agent-state.ts'

export interface PassParts {
  readonly config: AgentConfig
  readonly nodes: Nodes
  readonly apply: Apply
  readonly conflist: ConflistPublisher
  readonly agentState: AgentState
  readonly log: Logger
}

/** Without these no pod of this node has a network. Other failures are of peers, and no peer keeps this node's pods from starting. */
const OF_THE_NODE: ReadonlySet<string> = new Set(['nft', 'sysctl', 'no-uplink', 'routes'])

export function makePass({ config, nodes, apply, conflist, agentState, log }: PassParts): Pass {
  const planLog = new ProblemLog(log)
  return async (causes) => {
    if (isConflistOnly(causes) && agentState.apply.ok) return conflist.publish(agentState.podCidrs, agentState.apply.mtu, true)
    const state = desired(nodes, config, agentState, log)
    agentState.nodes = nodes.size
    planLog.report(agentState.planProblems)
    if (!state) return true
    const report = await apply.run(state)
    if (!report) return false
    // A published conflist stays: a node that cannot clean up after its pods does not help them.
    if (!agentState.conflist.published && failuresIn(report.problems).some(isOfTheNode)) return false
    const published = await conflist.publish(state.podCidrs, report.mtu, causes.has('full') || causes.has('conflist'))
    return published && agentState.apply.ok
  }
}

function isConflistOnly(causes: ReadonlySet<Cause>): boolean {
  return causes.size === 1 && causes.has('conflist')
}

function isOfTheNode({ kind }: Problem): boolean {
  return OF_THE_NODE.has(kind)
}
