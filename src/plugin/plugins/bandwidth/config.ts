// The options of `bandwidth`, and the token buckets that they make.

import type { Reader } from '../../../cni/reader.ts'
import type { Tbf } from '../../../kernel/tc/qdisc.ts'
import { LARGEST_PACKET, MAX_BURST_SECONDS, minBurst } from '../../shaping/limit.ts'
import { BURST_LIMIT, BURST_SECONDS, isUnchosen, readRuntimeBurst } from '../../shaping/unchosen-burst.ts'

/** One direction, as configured: bit/s and bits. */
export interface Limit {
  readonly rate: number
  readonly burst: number
  /** What the runtime has filled in, where nobody chose a burst. */
  readonly filledIn?: number
}

export interface BandwidthConfig {
  readonly ingress: Limit | undefined
  readonly egress: Limit | undefined
  /** How long a packet may wait in the queue, in milliseconds; undefined is the reference plugin's queue. */
  readonly latency: number | undefined
}

const directions = ['ingress', 'egress'] as const
/** The reference plugin's latency. */
const LATENCY_SECONDS = 0.025
/** The kernel's ticks in a microsecond (net/pkt_sched.h: PSCHED_SHIFT). */
const TICKS_PER_MICROSECOND = 15.625
const U32_MAX = 0xffffffff

/** The rates at top level; where there is none of the four keys, those of `runtimeConfig.bandwidth`. */
export function readBandwidthConfig(reader: Reader): BandwidthConfig {
  const latency = reader.integer('latency', 1, 10_000)
  const own = directions.some((direction) => reader.has(`${direction}Rate`) || reader.has(`${direction}Burst`))
  const limits = own ? readLimits(reader, readLimit) : reader.object('runtimeConfig', (runtime) => runtime.object('bandwidth', readRuntime))
  return { ingress: limits?.ingress, egress: limits?.egress, latency }
}

/**
 * The reference plugin's bucket, number by number, so that its CHECK accepts ours. It differs where that would let nothing pass (a burst smaller than a
 * packet) or would not fit the kernel's counter. With a latency, the queue holds that and one packet as large as they come.
 */
export function bucketOf({ rate: bits, burst: bitsAtOnce }: Limit, { latency }: Pick<BandwidthConfig, 'latency'>, mtu: number): Tbf {
  const rate = Math.max(Math.floor(bits / 8), 1)
  const burst = Math.max(minBurst(mtu), Math.min(Math.floor(bitsAtOnce / 8), rate * MAX_BURST_SECONDS))
  const queue = latency === undefined ? rate * LATENCY_SECONDS + burst : (rate * latency) / 1000 + Math.min(burst, LARGEST_PACKET)
  return bucket(rate, burst, queue)
}

/** The reference plugin's own, to be recognized where that has limited the pod: a burst that does not fit 32 bits wraps on amd64, on arm64 it is cut. */
export function referenceBuckets({ rate: bits, burst: chosen, filledIn: bitsAtOnce = chosen }: Limit): Tbf[] {
  const [rate, burst] = [Math.floor(bits / 8), Math.floor(bitsAtOnce / 8)]
  const limit = Math.floor((rate * LATENCY_SECONDS + burst) % (U32_MAX + 1))
  const conversions = [(value: number) => Math.floor(value) % (U32_MAX + 1), (value: number) => Math.min(Math.floor(value), U32_MAX)]
  return conversions.map((toU32) => ({ rate, burst, limit, buffer: toU32(toU32((burst * 1e6) / rate) * TICKS_PER_MICROSECOND) }))
}

function bucket(rate: number, burst: number, queue: number): Tbf {
  const buffer = Math.floor(Math.floor((burst * 1e6) / rate) * TICKS_PER_MICROSECOND)
  return { rate, burst, limit: Math.min(Math.floor(queue), U32_MAX), buffer: Math.min(buffer, U32_MAX) }
}

function readRuntime(reader: Reader): Pick<BandwidthConfig, 'ingress' | 'egress'> {
  return readLimits(reader, readRuntimeLimit)
}

type Direction = (typeof directions)[number]

function readLimits(reader: Reader, read: (reader: Reader, direction: Direction) => Limit | undefined) {
  return { ingress: read(reader, 'ingress'), egress: read(reader, 'egress') }
}

function readRuntimeLimit(reader: Reader, direction: Direction): Limit | undefined {
  const burst = readRuntimeBurst(reader, `${direction}Burst`)
  if (burst === undefined || !isUnchosen(burst)) return readLimit(reader, direction)
  const rate = readRate(reader, direction)
  return rate ? { rate, burst: Math.min(burst, Math.ceil(rate * BURST_SECONDS)), filledIn: burst } : undefined
}

function readLimit(reader: Reader, direction: Direction): Limit | undefined {
  const [rateKey, burstKey] = [`${direction}Rate`, `${direction}Burst`]
  const rate = readRate(reader, direction)
  const burst = reader.integer(burstKey, 0, Number.MAX_SAFE_INTEGER)
  // Of the wrong type: said already.
  if ((rate === undefined && reader.has(rateKey)) || (burst === undefined && reader.has(burstKey))) return undefined
  if (rate && !burst) reader.issue(rateKey, 'if rate is set, burst must also be set')
  if (burst && !rate) reader.issue(burstKey, 'if burst is set, rate must also be set')
  if ((burst ?? 0) >= BURST_LIMIT) reader.issue(burstKey, `burst cannot be more than 4GB, got ${burst} bits`)
  return rate && burst && burst < BURST_LIMIT ? { rate, burst } : undefined
}

function readRate(reader: Reader, direction: Direction): number | undefined {
  return reader.integer(`${direction}Rate`, 0, Number.MAX_SAFE_INTEGER)
}
