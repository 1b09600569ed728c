// The rules of host-local's ranges: what a subnet, a start, an end and a gateway make together, and which ranges may stand together. Pure.

import type { Reader } from '../cni/reader.ts'
import { type Address, compareAddresses, formatAddress, nextAddress, sameAddress } from '../net/address.ts'
import { addressBits, type Cidr, cidrContains, formatCidr, lastAddress, networkOf, setApart } from '../net/cidr.ts'
import { gatewayProblem } from './gateway.ts'

/**
 * A run of addresses in one subnet, `start` and `end` included. The gateway is never given out; it may lie anywhere. Neither is what the subnet sets apart,
 * although `start` and `end` may include it: a pod with a network or broadcast address could not be connected to.
 */
export interface Range {
  readonly subnet: Cidr
  readonly start: Address
  readonly end: Address
  readonly gateway: Address
}

/** One address of a result comes from one set: its ranges are of one family and do not overlap. */
export type RangeSet = readonly Range[]

/** Reads `{subnet, rangeStart?, rangeEnd?, gateway?}`; undefined where it is not a range, with the problem noted in the reader. */
export function readRange(reader: Reader): Range | undefined {
  const subnet = reader.cidr('subnet')
  const rangeStart = reader.address('rangeStart')
  const rangeEnd = reader.address('rangeEnd')
  const gateway = reader.address('gateway')
  if (!subnet) {
    if (!reader.value('subnet')) reader.issue('subnet', 'is missing')
    return undefined
  }
  const network = networkOf(subnet)
  if (subnet.length > addressBits(subnet.address) - 2) {
    reader.issue('subnet', `Network ${formatCidr(network)} too small to allocate from`)
    return undefined
  }
  if (!sameAddress(subnet.address, network.address)) {
    const right = formatAddress(network.address)
    reader.issue('subnet', `Network has host bits set. For a subnet mask of length ${subnet.length} the network address is ${right}`)
    return undefined
  }
  const first = nextAddress(subnet.address)
  const start = rangeStart ?? first
  const end = rangeEnd ?? lastUsable(subnet)
  const startInside = cidrContains(subnet, start)
  const endInside = cidrContains(subnet, end)
  const crossed = endInside && compareAddresses(start, end) > 0
  if (rangeStart && (!startInside || crossed)) {
    reader.issue('rangeStart', `RangeStart ${formatAddress(start)} not in network ${formatCidr(subnet)}`)
  }
  if (rangeEnd && (!endInside || (crossed && !rangeStart))) {
    reader.issue('rangeEnd', `RangeEnd ${formatAddress(end)} not in network ${formatCidr(subnet)}`)
  }
  const problem = gateway && gatewayProblem(gateway, subnet)
  if (problem) reader.issue('gateway', problem)
  if (!startInside || !endInside || crossed || problem) return undefined
  return { subnet, start, end, gateway: gateway ?? first }
}

/** What is wrong with the sets together, in sentences. `undefined` stands for a range that could not be read and was reported. */
export function rangeSetProblems(read: readonly (readonly (Range | undefined)[])[]): string[] {
  const problems: string[] = []
  const sets = read.map((set) => set.filter((range) => range !== undefined))
  for (const [i, set] of sets.entries()) {
    const problem = read[i]?.length === 0 ? 'empty range set' : setProblem(set, set.length === read[i]?.length)
    if (problem) problems.push(`invalid range set ${i}: ${problem}`)
    for (const [j, other] of sets.entries()) {
      if (j > i && set.some((a) => other.some((b) => overlaps(a, b)))) problems.push(`range set ${i} overlaps with ${j}`)
    }
  }
  return problems
}

export function rangeContains({ start, end }: Range, address: Address): boolean {
  return start.family === address.family && compareAddresses(start, address) <= 0 && compareAddresses(address, end) <= 0
}

/** The range of the set that holds the address. */
export function rangeOf(set: RangeSet, address: Address): Range | undefined {
  return set.find((range) => rangeContains(range, address))
}

/** What an address of the set is, where that keeps it from being given out. The gateway of one range may lie in another. */
export function reservedAs(set: RangeSet, address: Address): string | undefined {
  if (set.some(({ gateway }) => sameAddress(gateway, address))) return 'gateway'
  const range = rangeOf(set, address)
  return range && setApart({ address, length: range.subnet.length })
}

/** True for an address that the set gives out. A lease of any other takes none of its room. */
export function givesOut(set: RangeSet, address: Address): boolean {
  return rangeOf(set, address) !== undefined && !reservedAs(set, address)
}

/** How many addresses the set can give out. Above 2⁵³ it is near enough. */
export function capacity(set: RangeSet): number {
  const special = set.flatMap(({ subnet, gateway }) => [gateway, subnet.address, lastAddress(subnet)])
  const reserved = new Set(special.filter((address) => rangeOf(set, address) && reservedAs(set, address)).map(formatAddress))
  return size(set) - reserved.size
}

/** How many addresses lie in the set's ranges, set apart or not. */
function size(set: RangeSet): number {
  return set.reduce((total, { start, end }) => total + distance(start, end) + 1, 0)
}

/** `10.1.0.1-10.1.0.254,10.1.2.1-10.1.2.254` */
export function formatRangeSet(set: RangeSet): string {
  return set.map(({ start, end }) => `${formatAddress(start)}-${formatAddress(end)}`).join(',')
}

/** A set that could not be read as a whole may still have free addresses. */
function setProblem(set: RangeSet, isWhole: boolean): string | undefined {
  if (set.some((range) => range.start.family !== set[0]?.start.family)) return 'mixed address families'
  for (const [i, a] of set.entries()) {
    const b = set.find((other, j) => j > i && overlaps(a, other))
    if (b) return `subnets ${formatRangeSet([a])} and ${formatRangeSet([b])} overlap`
  }
  // A range sets apart three addresses at most. Which ones is worked out only where that decides: every ADD comes here.
  if (!isWhole || size(set) > 3 * set.length || capacity(set) > 0) return undefined
  return `${formatRangeSet(set)} has no address to give out: what it holds is the subnet's gateway, network or broadcast address`
}

function overlaps(a: Range, b: Range): boolean {
  return rangeContains(a, b.start) || rangeContains(b, a.start)
}

/** IPv4's last address is the broadcast address; IPv6 has none. */
function lastUsable(subnet: Cidr): Address {
  const last = lastAddress(subnet)
  return last.family === 4 ? nextAddress(last, -1) : last
}

function distance(from: Address, to: Address): number {
  let total = 0
  for (const [i, byte] of to.bytes.entries()) total = total * 256 + byte - (from.bytes[i] ?? 0)
  return total
}
