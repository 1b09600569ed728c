// The Node's condition NetworkUnavailable, by which the scheduler keeps new pods away. It evicts none, as a node that is not Ready does.

import type { Request } from '../kube/request.ts'
import type { AgentState } from './agent-state.ts'
import { describePool } from './pool-level.ts'
import { isReady, readyChecks } from './ready.ts'

interface Condition {
  readonly status: 'True' | 'False'
  readonly reason: 'PodwireIsReady' | 'PodAddressesExhausted' | 'PodAddressesUnavailable'
  readonly message: string
}

/** Has a lifetime: what was written last, and whether this node has ever been ready. Writes on a change only, so it does not fight with who else writes it. */
export class NetworkCondition {
  readonly #request: Request
  #written = ''
  #wasReady = false

  constructor(request: Request) {
    this.#request = request
  }

  /** Throws where the API server rejects it, which is then retried. */
  async update(agentState: AgentState): Promise<void> {
    this.#wasReady ||= isReady(readyChecks(agentState))
    const condition = lacking(agentState) ?? (this.#wasReady ? ready : undefined)
    if (!condition || condition.reason === this.#written) return
    await writeCondition(this.#request, agentState.node, condition)
    this.#written = condition.reason
  }
}

const ready: Condition = { status: 'False', reason: 'PodwireIsReady', message: 'podwire has set up this node' }

/** Why no further pod can start, though those that run are fine. */
function lacking({ pools, leaseProblem }: AgentState): Condition | undefined {
  if (leaseProblem) return { status: 'True', reason: 'PodAddressesUnavailable', message: `no pod can start here: ${leaseProblem}` }
  const exhausted = pools.filter(({ level }) => level === 'exhausted')
  if (exhausted.length === 0) return undefined
  const figures = exhausted.map(describePool).join(', ')
  return {
    status: 'True',
    reason: 'PodAddressesExhausted',
    message: `${figures}: no pod can start here until some are free; lower the kubelet's maxPods, or give nodes larger podCIDRs`,
  }
}

/** `kubectl patch node NAME --subresource=status`; the scheduler's taint comes and goes with the condition. */
async function writeCondition(request: Request, node: string, condition: Condition): Promise<void> {
  const now = new Date().toISOString()
  const conditions = [{ type: 'NetworkUnavailable', ...condition, lastHeartbeatTime: now, lastTransitionTime: now }]
  await request('PATCH', `/api/v1/nodes/${node}/status`, { status: { conditions } })
}
