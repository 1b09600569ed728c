// The Nodes as they are known now. A source writes them, the plan reads them, and `onChange` triggers a pass.

import type { Json } from '../../cni/json.ts'
import type { ClusterNode } from '../../node/plan.ts'
import { clusterNodeOf, sameClusterNode } from './node-object.ts'

/** Until `synced` it is not the whole cluster: a Node that is absent may exist. */
export class Nodes {
  readonly #onChange: () => void
  #known = new Map<string, ClusterNode>()
  #synced = false

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  get synced(): boolean {
    return this.#synced
  }

  get size(): number {
    return this.#known.size
  }

  list(): ClusterNode[] {
    return [...this.#known.values()]
  }

  /** A Node object as a watch brings it, added or modified; one without a name is skipped. */
  put(object: Json | undefined): void {
    const node = clusterNodeOf(object)
    if (node) this.set(node)
  }

  /** The object of a Node that was deleted. */
  remove(object: Json | undefined): void {
    const node = clusterNodeOf(object)
    if (node) this.delete(node.name)
  }

  /** A node as it is now; true where that changes something. */
  set(node: ClusterNode): boolean {
    const before = this.#known.get(node.name)
    if (before && sameClusterNode(before, node)) return false
    this.#known.set(node.name, node)
    this.#onChange()
    return true
  }

  delete(name: string): boolean {
    const known = this.#known.delete(name)
    if (known) this.#onChange()
    return known
  }

  /** The whole cluster: what is not in it is gone. Notifies at most once, and always for the first list. */
  replace(all: Map<string, ClusterNode>): boolean {
    const before = this.#known
    const changed = !this.#synced || before.size !== all.size || [...all.values()].some((node) => differs(before.get(node.name), node))
    this.#known = all
    this.#synced = true
    if (changed) this.#onChange()
    return changed
  }
}

/** The whole cluster while it arrives, for `replace`. */
export class NodeList {
  readonly nodes = new Map<string, ClusterNode>()

  /** A Node object; one without a name is skipped. */
  add(object: Json): void {
    const node = clusterNodeOf(object)
    if (node) this.nodes.set(node.name, node)
  }
}

function differs(before: ClusterNode | undefined, now: ClusterNode): boolean {
  return !before || !sameClusterNode(before, now)
}
