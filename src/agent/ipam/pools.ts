// A node's pools as range sets of host-local: named ones are a part of each podCIDR, the default one is what is left. Pure.

import { type Address, formatAddress, parseAddress } from '../../net/address.ts'
import { cidrContains, lastAddress, networkOf, parseCidr } from '../../net/cidr.ts'

/** The `from`th to the `to`th address of each podCIDR; the 0th is the network's own. */
export interface Pool {
  readonly name: string
  readonly from: number
  readonly to: number
}

/** One entry of host-local's `ranges`. */
export interface RangeEntry {
  readonly subnet: string
  readonly rangeStart?: string
  readonly rangeEnd?: string
}

/** First and last, as numbers. */
type Interval = readonly [bigint, bigint]

/**
 * The ranges of pool `name` in one podCIDR, `apart` left out; '' is the default pool, which has no address of a named one. Empty where the podCIDR has
 * no address of the pool.
 */
export function poolRanges(podCidr: string, pools: readonly Pool[], name: string, apart: readonly string[] = []): RangeEntry[] {
  const subnet = parseCidr(podCidr)
  const network = numberOf(networkOf(subnet).address)
  const { family } = subnet.address
  const excluded = apart.flatMap((text): Interval[] => intervalOf(text, family))
  // host-local has its own idea of the whole, for the smallest subnets too.
  if (name === '' && pools.length === 0 && excluded.length === 0) return [{ subnet: podCidr }]
  const last = numberOf(lastAddress(subnet)) - (family === 4 ? 1n : 0n)
  const named = (pool: Pool): Interval => [network + BigInt(pool.from), network + BigInt(pool.to)]
  const pool = pools.find((one) => one.name === name)
  const whole: Interval = [network + 1n, last]
  const base = pool ? [intersect(named(pool), whole)] : pools.reduce((rest, one) => subtract(rest, named(one)), [whole])
  const left = excluded.reduce(subtract, base.filter(isFilled))
  return left.map(([start, end]) => ({ subnet: podCidr, rangeStart: textOf(start, family), rangeEnd: textOf(end, family) }))
}

/** True where the range holds the address; one without bounds is the whole subnet. */
export function hasAddress({ subnet, rangeStart, rangeEnd }: RangeEntry, text: string): boolean {
  const address = parseAddress(text)
  if (address.family !== parseCidr(subnet).address.family) return false
  const within = (start: string, end: string) =>
    numberOf(parseAddress(start)) <= numberOf(address) && numberOf(address) <= numberOf(parseAddress(end))
  return rangeStart && rangeEnd ? within(rangeStart, rangeEnd) : cidrContains(parseCidr(subnet), address)
}

/** Why the pools cannot be; [] where they can. */
export function poolProblems(pools: readonly Pool[]): string[] {
  return pools.flatMap(({ name, from, to }, i) => {
    const earlier = pools.slice(0, i)
    const other = earlier.find((one) => one.from <= to && from <= one.to)
    return [
      ...(name === '' ? [`[${i}].name: is missing`] : []),
      ...(earlier.some((one) => one.name === name) ? [`[${i}].name: ${JSON.stringify(name)} is listed twice`] : []),
      ...(from > to ? [`[${i}].to: is below from`] : []),
      ...(other ? [`[${i}]: overlaps ${JSON.stringify(other.name)}`] : []),
    ]
  })
}

function subtract(intervals: readonly Interval[], [from, to]: Interval): Interval[] {
  return intervals.flatMap(([start, end]): Interval[] => {
    if (to < start || from > end) return [[start, end]]
    const rest: Interval[] = [
      [start, from - 1n],
      [to + 1n, end],
    ]
    return rest.filter(isFilled)
  })
}

function intersect([a, b]: Interval, [c, d]: Interval): Interval {
  return [a > c ? a : c, b < d ? b : d]
}

function isFilled([start, end]: Interval): boolean {
  return start <= end
}

function intervalOf(text: string, family: 4 | 6): Interval[] {
  const address = parseAddress(text)
  const number = numberOf(address)
  return address.family === family ? [[number, number]] : []
}

function numberOf({ bytes }: Address): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n)
}

function textOf(number: bigint, family: 4 | 6): string {
  const length = family === 4 ? 4 : 16
  const bytes = Uint8Array.from({ length }, (_, i) => Number((number >> BigInt(8 * (length - 1 - i))) & 0xffn))
  return formatAddress({ family, bytes })
}
