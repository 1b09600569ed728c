// How fast a pod may send and receive, read from the capability `bandwidth` and from a network's own options. Bits end here.

import type { Reader } from '../../cni/reader.ts'
import { BURST_LIMIT, BURST_SECONDS, isUnchosen, readRuntimeBurst } from './unchosen-burst.ts'

/** One direction, as the kernel counts: bytes per second, and how many bytes may pass at once. */
export interface Limit {
  readonly rate: number
  readonly burst: number
  /** The burst that the runtime has filled in, where no one chose one; in bytes. */
  readonly filledIn?: number
}

/** `ingress` is what goes to the pod, `egress` what comes from it; absent: unlimited. */
export interface Bandwidth {
  readonly ingress: Limit | undefined
  readonly egress: Limit | undefined
  /** How long a packet may wait in the queue, in milliseconds; undefined is the reference plugin's queue. */
  readonly latency: number | undefined
}

/** What a plugin accepts: the bounds of a rate, in bit/s, and whether a rate needs a burst next to it. */
interface Accepted {
  readonly minRate: number
  readonly maxRate: number
  readonly needsBurst: boolean
}

type Direction = 'ingress' | 'egress'
type ReadLimit = (reader: Reader, direction: Direction, accepted: Accepted) => Limit | undefined

const reference: Accepted = { minRate: 1, maxRate: Number.MAX_SAFE_INTEGER, needsBurst: true }
/** The bounds of Kubernetes' annotations, 1k and 1P. */
const kubernetes: Accepted = { minRate: 1e3, maxRate: 1e15, needsBurst: false }
/** The reference plugin's, in milliseconds. A queue that holds more only makes every connection of the pod wait (bufferbloat). */
const DEFAULT_LATENCY = 25

/** Of `podwire`: the lower one of `bandwidth` and `runtimeConfig.bandwidth` in each direction; undefined where there is neither. */
export function readBandwidth(reader: Reader): Bandwidth | undefined {
  const own = reader.object('bandwidth', (options) => readLimits(options, readChosen, kubernetes))
  const runtime = runtimeLimits(reader, kubernetes)
  const ingress = lower(own?.ingress, runtime?.ingress)
  const egress = lower(own?.egress, runtime?.egress)
  return ingress || egress ? { ingress, egress, latency: own?.latency ?? DEFAULT_LATENCY } : undefined
}

/** Of `bandwidth`: the options at top level; where there is none of the four, `runtimeConfig.bandwidth`. */
export function readChainedBandwidth(reader: Reader): Bandwidth {
  const isSet = ['ingressRate', 'ingressBurst', 'egressRate', 'egressBurst'].some((key) => reader.has(key))
  const own = readLimits(reader, readChosen, reference)
  return isSet ? own : { ...(runtimeLimits(reader, reference) ?? own), latency: own.latency }
}

function runtimeLimits(reader: Reader, accepted: Accepted): Bandwidth | undefined {
  return reader.object('runtimeConfig', (config) => config.object('bandwidth', (limits) => readLimits(limits, readRuntime, accepted)))
}

function readLimits(reader: Reader, read: ReadLimit, accepted: Accepted): Bandwidth {
  return {
    ingress: read(reader, 'ingress', accepted),
    egress: read(reader, 'egress', accepted),
    latency: read === readChosen ? reader.integer('latency', 1, 10_000) : undefined,
  }
}

/** A limit that the network's configuration has. */
function readChosen(reader: Reader, direction: Direction, accepted: Accepted): Limit | undefined {
  const [rateKey, burstKey] = [`${direction}Rate`, `${direction}Burst`]
  const rate = readRate(reader, rateKey, accepted)
  const burst = reader.integer(burstKey, 0, Number.MAX_SAFE_INTEGER)
  // Of the wrong type: reported already.
  if ((rate === undefined && reader.has(rateKey)) || (burst === undefined && reader.has(burstKey))) return undefined
  if (rate && !burst && accepted.needsBurst) reader.issue(rateKey, 'if rate is set, burst must also be set')
  if (burst && !rate) reader.issue(burstKey, 'if burst is set, rate must also be set')
  if ((burst ?? 0) >= BURST_LIMIT) reader.issue(burstKey, `burst cannot be more than 4GB, got ${burst} bits`)
  return rate ? limitOf(rate, burst) : undefined
}

/** Runtimes send a burst that no one chose, also for a direction that has no limit. */
function readRuntime(reader: Reader, direction: Direction, accepted: Accepted): Limit | undefined {
  const burst = readRuntimeBurst(reader, `${direction}Burst`)
  if (accepted.needsBurst && !isUnchosen(burst ?? 0)) return readChosen(reader, direction, accepted)
  const rate = readRate(reader, `${direction}Rate`, accepted)
  if (!rate) return undefined
  const limit = limitOf(rate, undefined)
  const filledIn = toBytes(burst ?? 0)
  return burst ? { ...limit, burst: Math.min(filledIn, limit.burst), filledIn } : limit
}

/** In bit/s; 0 is no limit, undefined is absent or wrong. */
function readRate(reader: Reader, key: string, { minRate, maxRate }: Accepted): number | undefined {
  const rate = reader.integer(key, 0, maxRate)
  if (!rate || rate >= minRate) return rate
  reader.issue(key, `expected 0 for no limit, or at least ${minRate} bit/s, got ${rate}`)
  return undefined
}

/** From bits; without a burst that which makes up a short time at full rate. */
function limitOf(bits: number, burst: number | undefined): Limit {
  const rate = Math.max(toBytes(bits), 1)
  return { rate, burst: burst ? toBytes(burst) : Math.min(Math.ceil(rate * BURST_SECONDS), toBytes(BURST_LIMIT)) }
}

function toBytes(bits: number): number {
  return Math.floor(bits / 8)
}

function lower(own: Limit | undefined, runtime: Limit | undefined): Limit | undefined {
  return own && (!runtime || own.rate <= runtime.rate) ? own : runtime
}
