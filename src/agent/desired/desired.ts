// The desired state of this node: from the Nodes where they are known, otherwise from the disk.

import { plan } from '../../node/plan.ts'
import type { NodeState } from '../../node/state.ts'
import type { AgentConfig } from '../config.ts'
import { reasonOf } from '../failure.ts'
import type { Logger } from '../log.ts'
import type { Nodes } from '../nodes/nodes.ts'
import type { AgentState } from '../report/agent-state.ts'
import { type LastState, readLastState } from './last-state.ts'

/** Milliseconds that the API server has before the state on the disk is used. */
export const API_TIMEOUT = 1_000

/** `json` is a NodeState. */
export interface Desired {
  readonly json: string
  /** Undefined where `json` is from the disk. */
  readonly state?: NodeState
  readonly podCidrs: readonly string[]
}

/**
 * Undefined while nothing is known, and then nothing may change: a node without a podCIDR waits for one, and one whose Node object is deleted
 * keeps its last state, since the cluster may be just being restored.
 */
export function desired(nodes: Nodes, config: AgentConfig, agentState: AgentState, log: Logger): Desired | undefined {
  if (nodes.synced) {
    const { state, problems } = plan(nodes.list(), config.nodeName, config.plan)
    agentState.planProblems = problems
    if (state) {
      agentState.stateFrom = 'nodes'
      return { json: JSON.stringify(state), state, podCidrs: state.node.podCidrs }
    }
  } else if (performance.now() - agentState.startedAt < API_TIMEOUT) {
    return undefined
  }
  const last = lastState(config, log)
  if (last && agentState.stateFrom !== 'disk') log.warn({ podCidrs: last.podCidrs }, 'using the last state from disk')
  agentState.stateFrom = last ? 'disk' : 'nothing'
  return last
}

function lastState({ paths, nodeName }: AgentConfig, log: Logger): LastState | undefined {
  try {
    return readLastState(paths.stateDir, nodeName)
  } catch (error) {
    log.warn({ reason: reasonOf(error) }, 'cannot read the last state')
    return undefined
  }
}
