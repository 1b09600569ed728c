// Versions of the specification as runtimes compare them: by number, future ones included.

import { CniError, ErrDecodingFailure } from '../cni/error.ts'
import { quote } from '../cni/json.ts'

/** True where `a` is above `b`; '' is 0.1.0. Throws CniError 6 for what is not a version. */
export function isNewer(a: string, b: string): boolean {
  const [left, right] = [numbersOf(a), numbersOf(b)]
  const i = left.findIndex((number, place) => number !== right[place])
  return i >= 0 && (left[i] ?? 0) > (right[i] ?? 0)
}

export function isAtLeast(version: string, first: string): boolean {
  return !isNewer(first, version)
}

/** Major, minor, micro; what is left out is 0. */
function numbersOf(version: string): number[] {
  const parts = (version || '0.1.0').split('.')
  if (parts.length > 3 || parts.some((part) => part === '' || [...part].some((char) => char < '0' || char > '9'))) {
    throw new CniError(ErrDecodingFailure, `expected a version such as "1.1.0", got ${quote(version)}`)
  }
  return [0, 1, 2].map((i) => Number(parts[i] ?? 0))
}
