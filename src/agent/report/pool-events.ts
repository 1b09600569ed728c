// Events on the Node when its addresses run low, are exhausted, and are free again: one for each crossing.

import type { Request } from '../kube/request.ts'
import { type Event, sendEvent } from './event.ts'
import { describePool, type PoolLevel, type PoolState } from './pool-level.ts'

/** Has a lifetime: the level of each range that was reported last. */
export class PoolEvents {
  readonly #request: Request
  readonly #node: string
  readonly #reporter: string
  readonly #reported = new Map<string, PoolLevel>()

  /** `reporter` is the agent's pod. */
  constructor(request: Request, node: string, reporter: string) {
    this.#request = request
    this.#node = node
    this.#reporter = reporter
  }

  /** Throws where the API server rejects an event, which is then retried. */
  async update(pools: readonly PoolState[]): Promise<void> {
    for (const pool of pools) {
      const event = eventOf(this.#reported.get(pool.podCidr) ?? 'free', pool)
      const node = { kind: 'Node', namespace: '', name: this.#node, uid: this.#node } as const
      if (event) await sendEvent(this.#request, node, this.#reporter, event)
      this.#reported.set(pool.podCidr, pool.level)
    }
  }
}

const remedy = "lower the kubelet's maxPods, or give nodes larger podCIDRs"

function eventOf(before: PoolLevel, pool: PoolState): Event | undefined {
  const { level } = pool
  const figures = describePool(pool)
  if (level === before) return undefined
  if (level === 'exhausted') {
    return { type: 'Warning', reason: 'PodAddressesExhausted', note: `${figures}: no pod can start here until some are free; ${remedy}` }
  }
  if (before === 'exhausted') return { type: 'Normal', reason: 'PodAddressesAvailable', note: `${figures}: pods can start here again` }
  return level === 'low' ? { type: 'Warning', reason: 'PodAddressesLow', note: `${figures}; ${remedy}` } : undefined
}
