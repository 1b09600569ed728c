// Which owner has which part of the address space: ranges that do not overlap, in order.

import { type Packed, type PackedPrefix, packedFamily, packedLast } from '../net/packed.ts'

interface Claim {
  readonly first: Packed
  readonly last: Packed
  readonly owner: string
}

/** By family: of different length, packed addresses do not compare. */
export interface Claims {
  readonly 4: Claim[]
  readonly 6: Claim[]
}

export function noClaims(): Claims {
  return { 4: [], 6: [] }
}

/** Claims `prefix` for `owner`; where another owner has part of it, nothing changes and that owner's name is returned. */
export function claim(claims: Claims, prefix: PackedPrefix, owner: string): string | undefined {
  const { first } = prefix
  const last = packedLast(prefix)
  const list = claims[packedFamily(first)]
  const at = countUpTo(list, last)
  const before = list[at - 1]
  if (before && before.last >= first) return before.owner
  list.splice(at, 0, { first, last, owner })
  return undefined
}

/** The owner of something in `prefix`, the last by address; undefined where all of it is free. */
export function ownerIn(claims: Claims, prefix: PackedPrefix): string | undefined {
  const list = claims[packedFamily(prefix.first)]
  const before = list[countUpTo(list, packedLast(prefix)) - 1]
  return before && before.last >= prefix.first ? before.owner : undefined
}

/** How many of the claims begin at `key` or before it. */
function countUpTo(claims: readonly Claim[], key: Packed): number {
  let low = 0
  let high = claims.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((claims[middle]?.first ?? '') <= key) low = middle + 1
    else high = middle
  }
  return low
}
