// In which order a range set gives out its addresses, and which set a requested address belongs to. Pure: which are free is the store's to know.

import { type Address, formatAddress, nextAddress, sameAddress } from '../net/address.ts'
import { type Range, type RangeSet, rangeOf, reservedAs } from './range.ts'

export interface Candidate {
  readonly address: Address
  readonly range: Range
}

/**
 * Every address of the set once, but for reserved ones: from the one after `last` where the set holds that, otherwise from the start,
 * round to where it began. So a released address is used again as late as possible.
 */
export function* candidates(set: RangeSet, last?: Address): Generator<Candidate> {
  const [first] = set
  if (!first) return
  const lastRange = last && rangeOf(set, last)
  const began = last && lastRange ? following(set, { address: last, range: lastRange }) : { address: first.start, range: first }
  let at = began
  do {
    if (!reservedAs(set, at.address)) yield at
    at = following(set, at)
  } while (!sameAddress(at.address, began.address))
}

/** Which requested address each set is to give: the first that lies in it, in the order of the request, each used once. */
export function assignRequests(sets: readonly RangeSet[], requested: readonly Address[]) {
  const open = requested.filter((address, i) => requested.findIndex((other) => sameAddress(other, address)) === i)
  const assigned = sets.map((set) => {
    const i = open.findIndex((address) => rangeOf(set, address))
    return i < 0 ? undefined : open.splice(i, 1)[0]
  })
  return { assigned, unplaced: open.map(formatAddress) }
}

function following(set: RangeSet, { address, range }: Candidate): Candidate {
  if (!sameAddress(address, range.end)) return { address: nextAddress(address), range }
  const next = set[(set.indexOf(range) + 1) % set.length] ?? range
  return { address: next.start, range: next }
}
