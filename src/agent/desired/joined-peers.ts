// Peers that have just joined a large cluster. A pass looks at every peer; these few get their routes before it.

import type { NodeState } from '../../node/state.ts'

/** In a smaller cluster the pass is as fast. */
const LARGE = 500
/** More at once are no joining nodes but a new cluster, or a new start of this agent. */
const FEW = 50

/** Has a lifetime: the names of the last state's peers. */
export class JoinedPeers {
  #known: ReadonlySet<string> = new Set()

  /** The state with those peers only that the one before did not have; undefined where there are none, or many, or few others. */
  next(state: NodeState): NodeState | undefined {
    const before = this.#known
    this.#known = new Set(state.peers.map(({ name }) => name))
    if (before.size < LARGE) return undefined
    const peers = state.peers.filter(({ name }) => !before.has(name))
    return peers.length > 0 && peers.length <= FEW ? { ...state, peers } : undefined
  }
}
