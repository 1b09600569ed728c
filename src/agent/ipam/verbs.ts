// The calls of the protocol over this node's pools. Calls for one attachment run one after the other.

import { isObject, type Json, type JsonObject } from '../../cni/json.ts'
import type { HostLocal } from './host-local.ts'
import type { FindPod, PodRequest } from './pod-request.ts'
import { hasAddress, type Pool, poolRanges, type RangeEntry } from './pools.ts'
import { type AllocateRequest, type Attachment, IpamError } from './protocol.ts'
import type { Sticky } from './sticky.ts'

export interface VerbParts {
  readonly hostLocal: HostLocal
  readonly sticky: Sticky
  readonly pools: readonly Pool[]
  /** The only network that is served: its leases are in one directory, so that no address is in two. */
  readonly network: string
  /** The node's ranges now; [] while it has none. */
  readonly podCidrs: () => readonly string[]
  /** Absent where there is no API server. */
  readonly findPod: FindPod | undefined
}

const NO_REQUEST: PodRequest = { pool: '', ips: [], sticky: false }

/** `isWanted` is false once the client closed the connection: what was allocated for it is released. */
export async function allocate(parts: VerbParts, request: AllocateRequest, isWanted: () => boolean): Promise<JsonObject> {
  requireNetwork(parts, request)
  const podCidrs = requirePodCidrs(parts)
  const { podNamespace, podName } = request
  const pod = parts.findPod && podNamespace && podName ? await parts.findPod(podNamespace, podName) : NO_REQUEST
  const pool = pod.pool || request.pool
  requirePool(parts, pool)
  const ips = pod.ips.length > 0 ? pod.ips : request.ips
  const key = pod.sticky ? `${podNamespace}/${podName}/${request.ifname}` : ''
  const answer = await takeAddresses(parts, request, podCidrs, { pool, ips, key })
  if (!isWanted()) {
    await parts.hostLocal.del(request)
    throw new IpamError('unavailable', 'the client closed the connection')
  }
  if (key) await parts.sticky.set(key, addressesIn(answer)).catch(() => {})
  return answer
}

export async function check(parts: VerbParts, attachment: Attachment): Promise<JsonObject> {
  requireNetwork(parts, attachment)
  const sets = requirePodCidrs(parts).map((podCidr) => [{ subnet: podCidr }])
  await parts.hostLocal.check(attachment, sets)
  // It has its leases: ADD finds them.
  return parts.hostLocal.add(attachment, sets, [])
}

/** The network is served, and the node has ranges. */
export function status(parts: VerbParts, network: string): JsonObject {
  if (network) requireNetwork(parts, { network })
  return { ready: true, podCidrs: requirePodCidrs(parts), pools: parts.pools.map(({ name }) => name) }
}

export function requireNetwork({ network }: VerbParts, request: { readonly network: string }): void {
  if (request.network !== network) throw new IpamError('invalid', `network ${request.network} is not served here, ${network} is`)
}

function requirePool({ pools }: VerbParts, name: string): void {
  if (name === '' || pools.some((pool) => pool.name === name)) return
  const known = pools.map((pool) => pool.name).join(', ')
  throw new IpamError('invalid', `no pool ${JSON.stringify(name)} on this node (known: ${known || 'none'})`)
}

interface Wish {
  readonly pool: string
  readonly ips: readonly string[]
  /** '' for a pod that is not sticky. */
  readonly key: string
}

/** What the attachment has; else what was requested, or what the pod had before, or any of its pool: what other pods had only when nothing else is left. */
async function takeAddresses(parts: VerbParts, attachment: Attachment, podCidrs: readonly string[], wish: Wish): Promise<JsonObject> {
  const { hostLocal, sticky, pools } = parts
  const whole = podCidrs.map((subnet) => [{ subnet }])
  if (wish.ips.length > 0) return hostLocal.add(attachment, requestedSets(parts, podCidrs, wish), wish.ips)
  const others = sticky.except(wish.key)
  if (pools.length === 0 && others.length === 0 && sticky.get(wish.key).length === 0) return hostLocal.add(attachment, whole, [])
  // First: other sets than at the first attempt would give a second address.
  if (await hasLease(hostLocal, attachment, whole)) return hostLocal.add(attachment, whole, [])
  const sets = podCidrs.map((podCidr) => requireRanges(poolRanges(podCidr, pools, wish.pool), podCidr, wish.pool))
  const had = sticky.get(wish.key).filter((address) => sets.some((set) => set.some((range) => hasAddress(range, address))))
  const spared = podCidrs.map((podCidr) => poolRanges(podCidr, pools, wish.pool, others))
  return firstThatHas([
    ...(had.length > 0 ? [() => hostLocal.add(attachment, sets, had)] : []),
    ...(others.length > 0 && spared.every((set) => set.length > 0) ? [() => hostLocal.add(attachment, spared, [])] : []),
    () => hostLocal.add(attachment, sets, []),
  ])
}

/** A requested address may be of any pool; a family without one has its pool. */
function requestedSets({ pools }: VerbParts, podCidrs: readonly string[], { pool, ips }: Wish): RangeEntry[][] {
  return podCidrs.map((podCidr) => {
    const isRequested = ips.some((ip) => ip.includes(':') === podCidr.includes(':'))
    return isRequested ? [{ subnet: podCidr }] : requireRanges(poolRanges(podCidr, pools, pool), podCidr, pool)
  })
}

function requireRanges(ranges: RangeEntry[], podCidr: string, pool: string): RangeEntry[] {
  if (ranges.length > 0) return ranges
  throw new IpamError('invalid', pool ? `pool ${pool} has no address in ${podCidr}` : `named pools leave no address of ${podCidr}`)
}

async function hasLease(hostLocal: HostLocal, attachment: Attachment, sets: readonly (readonly RangeEntry[])[]): Promise<boolean> {
  try {
    await hostLocal.check(attachment, sets)
    return true
  } catch (error) {
    if (error instanceof IpamError && error.code === 'not-found') return false
    throw error
  }
}

async function firstThatHas(attempts: readonly (() => Promise<JsonObject>)[]): Promise<JsonObject> {
  let last: unknown = new IpamError('exhausted', 'no address')
  for (const attempt of attempts) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof IpamError) || (error.code !== 'exhausted' && error.code !== 'taken')) throw error
      last = error
    }
  }
  throw last
}

function requirePodCidrs({ podCidrs }: VerbParts): readonly string[] {
  const ranges = podCidrs()
  if (ranges.length === 0) throw new IpamError('unavailable', 'this node has no podCIDR yet')
  return ranges
}

/** Without their lengths. */
function addressesIn({ ips }: JsonObject): string[] {
  return (Array.isArray(ips) ? ips : []).flatMap((ip: Json) =>
    isObject(ip) && typeof ip.address === 'string' ? [ip.address.split('/')[0] ?? ''] : [],
  )
}
