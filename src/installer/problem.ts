// A problem, as every report of the installer has it.

import { type CniError, formatError, toCniError } from '../cni/error.ts'

export interface Problem {
  /** What sort of thing it is: `bin-dir`, `conflist`, `other-conflist`. */
  readonly kind: string
  /** The file or object that it is about. */
  readonly object: string
  readonly message: string
  /** False for a warning: nothing failed. */
  readonly failed: boolean
}

/** A failure as a problem with `object`. */
export function problemOf(kind: string, object: string, error: unknown): Problem {
  const known: CniError = toCniError(error)
  return { kind, object, message: formatError(known), failed: true }
}

/** Tries every step; each failure is a problem and stops no other step. */
export function attempt(problems: Problem[], kind: string, object: string, step: () => void): boolean {
  try {
    step()
    return true
  } catch (error) {
    problems.push(problemOf(kind, object, error))
    return false
  }
}
