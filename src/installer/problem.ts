// Failures of the installer's steps as problems.

import { formatError, toCniError } from '../cni/error.ts'
import type { Problem } from '../contract/problem.ts'

/** A failure as a problem with `object`. */
export function problemOf(kind: string, object: string, error: unknown): Problem {
  return { kind, object, message: formatError(toCniError(error)), failed: true }
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
