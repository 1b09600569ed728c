// How fast a pod may send and receive: the capability `bandwidth`, and the option of that name, which holds for all pods of the network.

import type { Reader } from '../../../cni/reader.ts'
import { BURST_LIMIT, BURST_SECONDS, readRuntimeBurst } from '../../shaping/unchosen-burst.ts'

/** One direction: bytes per second, and how many bytes may pass at once. */
export interface Limit {
  readonly rate: number
  readonly burst: number
}

/** `ingress` is what goes to the pod, `egress` what comes from it; absent: as fast as can be. */
export interface Bandwidth {
  readonly ingress: Limit | undefined
  readonly egress: Limit | undefined
  /** How long a packet may wait in the queue, in milliseconds. */
  readonly latency: number
}

/** What the Go plugin has fixed. A queue that holds more only makes every connection of the pod wait (bufferbloat). */
const DEFAULT_LATENCY = 25
/** The bounds of Kubernetes' annotations, 1k and 1P, in bit/s. */
const MIN_RATE = 1e3
const MAX_RATE = 1e15
const MAX_BURST = BURST_LIMIT - 1

/** The limits of `runtimeConfig.bandwidth` and of `bandwidth`, the lower one of each direction; undefined where there is none. */
export function readBandwidth(reader: Reader): Bandwidth | undefined {
  const own = reader.object('bandwidth', readOwn)
  const runtime = reader.object('runtimeConfig', (config) => config.object('bandwidth', readRuntime))
  const ingress = lower(own?.ingress, runtime?.ingress)
  const egress = lower(own?.egress, runtime?.egress)
  return ingress || egress ? { ingress, egress, latency: own?.latency ?? DEFAULT_LATENCY } : undefined
}

function readOwn(reader: Reader): Bandwidth {
  const latency = reader.integer('latency', 1, 10_000) ?? DEFAULT_LATENCY
  const limit = (direction: string): Limit | undefined => {
    const { rate, burst } = readLimit(reader, direction)
    if (burst && !rate) reader.issue(`${direction}Burst`, `needs ${direction}Rate beside it`)
    return rate ? { rate: rate / 8, burst: burst ? Math.ceil(burst / 8) : defaultBurst(rate) } : undefined
  }
  return { ingress: limit('ingress'), egress: limit('egress'), latency }
}

/** A burst without a rate runtimes send, too, for a direction that has no limit; and one that nobody chose. */
function readRuntime(reader: Reader): Omit<Bandwidth, 'latency'> {
  const limit = (direction: string): Limit | undefined => {
    const rate = readRate(reader, direction)
    const burst = readRuntimeBurst(reader, `${direction}Burst`)
    if (!rate) return undefined
    const most = defaultBurst(rate)
    return { rate: rate / 8, burst: burst ? Math.min(Math.ceil(burst / 8), most) : most }
  }
  return { ingress: limit('ingress'), egress: limit('egress') }
}

/** Both in bits, as configured; 0 is no limit. */
function readLimit(reader: Reader, direction: string): { rate: number; burst: number } {
  const burst = reader.integer(`${direction}Burst`, 0, Number.MAX_SAFE_INTEGER) ?? 0
  if (burst > MAX_BURST) reader.issue(`${direction}Burst`, `expected fewer than 4 GB (${MAX_BURST} bits), got ${burst}`)
  return { rate: readRate(reader, direction), burst: Math.min(burst, MAX_BURST) }
}

function readRate(reader: Reader, direction: string): number {
  const rate = reader.integer(`${direction}Rate`, 0, MAX_RATE) ?? 0
  if (rate > 0 && rate < MIN_RATE) reader.issue(`${direction}Rate`, `expected 0 for no limit, or at least ${MIN_RATE} bit/s, got ${rate}`)
  return rate >= MIN_RATE ? rate : 0
}

/** In bytes, for a rate in bit/s. */
function defaultBurst(rate: number): number {
  return Math.min(Math.ceil((rate / 8) * BURST_SECONDS), 0xffffffff)
}

function lower(own: Limit | undefined, runtime: Limit | undefined): Limit | undefined {
  return own && (!runtime || own.rate <= runtime.rate) ? own : runtime
}
