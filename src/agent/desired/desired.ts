// What this node should have now: of the Nodes where they are known, of the disk where they are not, and never less than it had.

import { plan } from '../../node/plan.ts'
import type { NodeState } from '../../node/state.ts'
import type { AgentConfig } from '../config.ts'
import { reasonOf } from '../failure.ts'
import type { Logger } from '../log.ts'
import type { Nodes } from '../nodes/nodes.ts'
import type { AgentState } from '../report/agent-state.ts'
import { type LastState, readLastState } from './last-state.ts'

/** How long the API server may take before the disk has to do; milliseconds. */
export const API_TIMEOUT = 1_000

/** `json` is a NodeState. */
export interface Desired {
  readonly json: string
  /** Undefined where it is from the disk. */
  readonly state?: NodeState
  readonly podCidrs: readonly string[]
}

/**
 * Undefined while there is nothing to go by, and then nothing is to be touched: a node without a podCIDR waits for one, and one whose Node object has gone
 * keeps what it has, since the list may be of a cluster that is just being restored.
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
