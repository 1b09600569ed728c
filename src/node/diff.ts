// The changes from the bodies that exist to those that are desired. Pure.

import type { Body } from '../kernel/netlink/hex.ts'

export interface Difference {
  /** Desired, and nothing has their key. */
  readonly add: Body[]
  /** Desired instead of another one with the same key. */
  readonly replace: Body[]
  readonly remove: Body[]
}

/**
 * `keyOf` is unique in the kernel: a route's destination. `canonical` brings a body that matches none into the form of the wanted ones.
 * In the usual case every body is found as it stands, and neither is called.
 */
export function differ(
  wanted: readonly Body[],
  found: readonly Body[],
  keyOf: (body: Body) => string,
  canonical = (body: Body) => body,
): Difference {
  const missing = new Set(wanted)
  const others = found.filter((body) => !missing.delete(body) && !missing.delete(canonical(body)))
  if (missing.size === 0) return { add: [], replace: [], remove: others }
  const keys = new Set(others.map(keyOf))
  const replace: Body[] = []
  const add: Body[] = []
  for (const body of missing) (keys.size > 0 && keys.has(keyOf(body)) ? replace : add).push(body)
  // The key is the new one's now: to delete the old one could only hit that.
  const replaced = new Set(replace.map(keyOf))
  return { add, replace, remove: others.filter((body) => !replaced.has(keyOf(body))) }
}
