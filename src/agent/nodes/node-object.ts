// The fields of a Node object that count: a real one has 16 kB, these are some 300 bytes. Nothing of the original may be referenced.

import { isObject, type Json, type JsonObject } from '../../cni/json.ts'
import type { ClusterNode } from '../../node/plan.ts'

/** The Node as the plan takes it; undefined where it has no name. A field of an unexpected shape counts as absent: the plan reports what is missing. */
export function clusterNodeOf(object: Json | undefined): ClusterNode | undefined {
  if (!isObject(object)) return undefined
  const metadata = objectIn(object, 'metadata')
  const name = metadata.name
  if (typeof name !== 'string' || name === '') return undefined
  const maxPods = maxPodsOf(objectIn(object, 'status'))
  const { creationTimestamp } = metadata
  return {
    name,
    addresses: internalAddresses(objectIn(object, 'status')),
    podCidrs: podCidrsOf(objectIn(object, 'spec')),
    ...(maxPods !== undefined && { maxPods }),
    ...(typeof creationTimestamp === 'string' && { creationTimestamp }),
  }
}

/** Most changes of a Node are heartbeats, which change nothing of this. */
export function sameClusterNode(a: ClusterNode, b: ClusterNode): boolean {
  return (
    a.name === b.name &&
    a.maxPods === b.maxPods &&
    a.creationTimestamp === b.creationTimestamp &&
    sameTexts(a.addresses, b.addresses) &&
    sameTexts(a.podCidrs, b.podCidrs)
  )
}

function internalAddresses(status: JsonObject): string[] {
  if (!Array.isArray(status.addresses)) return []
  return status.addresses.flatMap((entry: Json) =>
    isObject(entry) && entry.type === 'InternalIP' && typeof entry.address === 'string' ? [entry.address] : [],
  )
}

/** `podCIDR` is the first of `podCIDRs`; old API servers, and files written by hand, have it alone. */
function podCidrsOf({ podCIDRs, podCIDR }: JsonObject): string[] {
  if (Array.isArray(podCIDRs) && podCIDRs.length > 0) return podCIDRs.filter((cidr: Json) => typeof cidr === 'string')
  return typeof podCIDR === 'string' && podCIDR !== '' ? [podCIDR] : []
}

/** A quantity, as text: `110`; in files written by hand a number. */
function maxPodsOf(status: JsonObject): number | undefined {
  const { pods } = objectIn(status, 'allocatable')
  const count = typeof pods === 'string' ? Number(pods) : pods
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : undefined
}

function objectIn(object: JsonObject, key: string): JsonObject {
  const value = object[key]
  return isObject(value) ? value : {}
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}
