// The token bucket that a limit becomes. Pure.

import type { Tbf } from '../../kernel/tc/qdisc.ts'
import type { Limit } from './bandwidth-config.ts'

/** How many seconds a burst may last: the kernel stores that in 32 bits, in ticks of 64 ns: some 274 s. */
const MAX_BURST_SECONDS = 270
/** The largest packet before segmentation for the wire (net/core: GSO). */
const MAX_PACKET = 65536
/** Ethernet's header with two VLAN tags. */
const LINK_HEADER = 22
const REFERENCE_LATENCY_SECONDS = 0.025
/** The kernel's ticks in a microsecond (net/pkt_sched.h: PSCHED_SHIFT). */
const TICKS_PER_MICROSECOND = 15.625
const U32_MAX = 0xffffffff

/**
 * The burst holds at least one packet, or none would ever pass. The queue holds what leaves within `latency` milliseconds, and one packet of
 * the largest size: less would always drop those. Without a latency it is the reference plugin's bucket, number by number, so that its CHECK accepts it.
 */
export function bucketOf({ rate, burst: chosen }: Limit, latency: number | undefined, mtu: number): Tbf {
  const burst = Math.max(minBurst(mtu), Math.min(chosen, rate * MAX_BURST_SECONDS))
  if (latency !== undefined) {
    const queue = Math.ceil((rate * latency) / 1000) + Math.min(burst, MAX_PACKET)
    return { rate, burst, limit: Math.min(queue, U32_MAX) }
  }
  const queue = Math.floor(rate * REFERENCE_LATENCY_SECONDS + burst)
  return { rate, burst, limit: Math.min(queue, U32_MAX), buffer: Math.min(ticks(burst, rate), U32_MAX) }
}

/** What the reference plugin sets: a burst that does not fit 32 bits wraps on amd64, on arm64 it is cut. */
export function referenceBuckets({ rate, burst: chosen, filledIn: burst = chosen }: Limit): Tbf[] {
  const limit = Math.floor((rate * REFERENCE_LATENCY_SECONDS + burst) % (U32_MAX + 1))
  const conversions = [(value: number) => Math.floor(value) % (U32_MAX + 1), (value: number) => Math.min(Math.floor(value), U32_MAX)]
  return conversions.map((toU32) => ({ rate, burst, limit, buffer: toU32(ticks(burst, rate, toU32)) }))
}

/** The bytes that a bucket has to hold for any packet to pass. */
function minBurst(mtu: number): number {
  return 2 * (mtu + LINK_HEADER)
}

/** How long the burst lasts, in whole microseconds first, as the reference plugin rounds. */
function ticks(burst: number, rate: number, whole: (value: number) => number = Math.floor): number {
  return Math.floor(whole((burst * 1e6) / rate) * TICKS_PER_MICROSECOND)
}
