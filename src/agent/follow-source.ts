// Follows the Nodes in the configured source, and records in the agent's state and log how that goes.

import type { AgentConfig } from './config.ts'
import type { Api } from './kube/api.ts'
import type { Logger } from './log.ts'
import { followNodes } from './nodes/follow-api.ts'
import { followFile } from './nodes/follow-file.ts'
import type { Nodes } from './nodes/nodes.ts'
import type { SourceObserver } from './nodes/source.ts'
import type { AgentState } from './report/agent-state.ts'

/** Runs until `signal`; never throws. */
export function followSource(config: AgentConfig, api: Api, nodes: Nodes, observer: SourceObserver, signal: AbortSignal): Promise<void> {
  if (config.nodesFile) return followFile(config.nodesFile, nodes, observer, signal)
  return followNodes({ api, nodes, observer, options: config.kubeApi, signal })
}

/** Logs a reason once, however often the source is retried. */
export function sourceObserver({ source }: AgentState, beat: () => void, log: Logger): SourceObserver {
  let reported = ''
  return {
    beat,
    state(state, why) {
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
    listed(count) {
      source.lists++
      source.synced = true
      source.lastEventAt = performance.now()
      log.info({ nodes: count }, 'listed all Nodes')
    },
    event() {
      source.lastEventAt = performance.now()
    },
  }
}
