// The options of `bandwidth`, and the token buckets that they make.

import type { Reader } from '../../cni/reader.ts'
import type { Tbf } from '../../kernel/tc/qdisc.ts'
import { LARGEST_PACKET, LONGEST_BURST_SECONDS, leastBurst } from '../shaping.ts'

/** One direction, as configured: bit/s and bits. */
export interface Limit {
  readonly rate: number
  readonly burst: number
}

export interface BandwidthConfig {
  readonly ingress: Limit | undefined
  readonly egress: Limit | undefined
  /** How long a packet may wait in the queue, in milliseconds; undefined is the reference plugin's queue. */
  readonly latency: number | undefined
}

const directions = ['ingress', 'egress'] as const
/** Burst / 8 in bytes is 32 bits to the kernel. */
const BURST_LIMIT = 8 * 0xffffffff
/** What runtimes fill in where Kubernetes has said no burst: the largest number that they have. Taken at its word, half a gigabyte passes unlimited. */
const UNCHOSEN_BURST = 0xffffffff
/** How many seconds at full rate a burst makes up where nobody has chosen one. */
const BURST_SECONDS = 0.05
/** The reference plugin's latency. */
const LATENCY_SECONDS = 0.025
/** The kernel's ticks in a microsecond (net/pkt_sched.h: PSCHED_SHIFT). */
const TICKS_PER_MICROSECOND = 15.625
const U32_MAX = 0xffffffff

/** The rates at top level; where there is none of the four keys, those of `runtimeConfig.bandwidth`. */
export function readBandwidthConfig(reader: Reader): BandwidthConfig {
  const latency = reader.integer('latency', 1, 10_000)
  const own = directions.some((direction) => reader.has(`${direction}Rate`) || reader.has(`${direction}Burst`))
  const limits = own ? readLimits(reader) : reader.object('runtimeConfig', (runtime) => runtime.object('bandwidth', readRuntime))
  return { ingress: limits?.ingress, egress: limits?.egress, latency }
}

/**
 * The reference plugin's bucket, number by number, so that its CHECK accepts ours. It differs where that would let nothing pass (a burst smaller than a
 * packet) or would not fit the kernel's counter. With a latency, the queue holds that and one packet as large as they come.
 */
export function bucketOf({ rate: bits, burst: bitsAtOnce }: Limit, { latency }: Pick<BandwidthConfig, 'latency'>, mtu: number): Tbf {
  const rate = Math.max(Math.floor(bits / 8), 1)
  const burst = Math.max(leastBurst(mtu), Math.min(Math.floor(bitsAtOnce / 8), rate * LONGEST_BURST_SECONDS))
  const queue = latency === undefined ? rate * LATENCY_SECONDS + burst : (rate * latency) / 1000 + Math.min(burst, LARGEST_PACKET)
  return bucket(rate, burst, queue)
}

/** The reference plugin's own, to be recognized where that has limited the pod. */
export function referenceBucket({ rate: bits, burst: bitsAtOnce }: Limit): Tbf {
  const [rate, burst] = [Math.floor(bits / 8), Math.floor(bitsAtOnce / 8)]
  return bucket(rate, burst, (rate * LATENCY_SECONDS + burst) % (U32_MAX + 1))
}

function bucket(rate: number, burst: number, queue: number): Tbf {
  const buffer = Math.floor(Math.floor((burst * 1e6) / rate) * TICKS_PER_MICROSECOND)
  return { rate, burst, limit: Math.min(Math.floor(queue), U32_MAX), buffer: Math.min(buffer, U32_MAX) }
}

function readRuntime(reader: Reader): Pick<BandwidthConfig, 'ingress' | 'egress'> {
  const { ingress, egress } = readLimits(reader)
  return { ingress: withChosenBurst(ingress), egress: withChosenBurst(egress) }
}

function withChosenBurst(limit: Limit | undefined): Limit | undefined {
  return limit?.burst === UNCHOSEN_BURST ? { ...limit, burst: Math.min(limit.burst, Math.ceil(limit.rate * BURST_SECONDS)) } : limit
}

function readLimits(reader: Reader): Pick<BandwidthConfig, 'ingress' | 'egress'> {
  return { ingress: readLimit(reader, 'ingress'), egress: readLimit(reader, 'egress') }
}

function readLimit(reader: Reader, direction: (typeof directions)[number]): Limit | undefined {
  const [rateKey, burstKey] = [`${direction}Rate`, `${direction}Burst`]
  const rate = reader.integer(rateKey, 0, Number.MAX_SAFE_INTEGER)
  const burst = reader.integer(burstKey, 0, Number.MAX_SAFE_INTEGER)
  // Of the wrong type: said already.
  if ((rate === undefined && reader.has(rateKey)) || (burst === undefined && reader.has(burstKey))) return undefined
  if (rate && !burst) reader.issue(rateKey, 'if rate is set, burst must also be set')
  if (burst && !rate) reader.issue(burstKey, 'if burst is set, rate must also be set')
  if ((burst ?? 0) >= BURST_LIMIT) reader.issue(burstKey, `burst cannot be more than 4GB, got ${burst} bits`)
  return rate && burst && burst < BURST_LIMIT ? { rate, burst } : undefined
}
