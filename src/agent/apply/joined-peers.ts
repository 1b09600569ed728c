// Peers that have just joined a large cluster. A pass compares every peer; these few get their routes before it.

import type { NodeEntry } from '../../node/state.ts'

/** In a smaller cluster the pass is as fast. */
const LARGE = 500
/** More at once are no joining nodes but a new cluster, or a restart of this agent. */
const MAX_JOINED = 50

/** Has a lifetime: the names of the last state's peers. */
export class JoinedPeers {
  #known: ReadonlySet<string> = new Set()

  /** Those of `peers` that were not among the last; empty where they are more than 50, or the last were fewer than 500. */
  next(peers: readonly NodeEntry[]): readonly NodeEntry[] {
    const before = this.#known
    this.#known = new Set(peers.map(({ name }) => name))
    if (before.size < LARGE) return []
    const joined = peers.filter(({ name }) => !before.has(name))
    return joined.length <= MAX_JOINED ? joined : []
  }
}
