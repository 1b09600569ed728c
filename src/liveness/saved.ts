// What the runtime's saved result proves about an attachment. Pure but for the look at the namespace's path.

import { isObject, type Json } from '../cni/json.ts'
import type { Link } from '../kernel/route/link.ts'
import type { Cached } from '../libcni/cache.ts'
import { namespacePathState } from './namespace-path.ts'

/** Kinds that outlive the pod which a result names them for. */
const SHARED: ReadonlySet<string> = new Set(['bridge', 'ifb'])

/**
 * `gone`: the namespace's path is gone, and so is every host end of its pairs. The path alone proves nothing, because a process may still hold the
 * namespace; the kernel deletes a pair with the namespace that either end is in. `unknown` where one of the two cannot be seen.
 */
export function savedState({ netns, result }: Cached, links: readonly Link[]): 'alive' | 'gone' | 'unknown' {
  const path = namespacePathState(netns)
  if (path !== 'gone') return path === 'exists' ? 'alive' : 'unknown'
  const kinds = hostInterfaces(result?.interfaces).map((name) => links.find((link) => link.name === name)?.kind)
  const own = kinds.filter((kind) => kind === undefined || !SHARED.has(kind))
  if (own.some((kind) => kind !== undefined)) return 'alive'
  return own.length > 0 ? 'gone' : 'unknown'
}

function hostInterfaces(interfaces: Json | undefined): string[] {
  if (!Array.isArray(interfaces)) return []
  return interfaces.flatMap((entry) => (isObject(entry) && typeof entry.name === 'string' && !entry.sandbox ? [entry.name] : []))
}
