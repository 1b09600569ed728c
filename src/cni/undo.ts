// What was done is undone in reverse when a later step fails.

import { CniError, formatError, toCniError } from './error.ts'

/** Registers the step that undoes what was just done; `what` names it in an error: `release the lease`. */
export type Undo = (what: string, step: () => void) => void

/** Runs `body`. When it throws, every registered step runs, last first; a step that fails is added to the details of the first error. */
export function withUndo<T>(body: (undo: Undo) => T): T {
  const steps: { what: string; step: () => void }[] = []
  try {
    return body((what, step) => steps.push({ what, step }))
  } catch (error) {
    const failures = steps.reverse().flatMap(({ what, step }) => {
      try {
        step()
        return []
      } catch (failure) {
        return [`could not ${what}: ${formatError(toCniError(failure))}`]
      }
    })
    if (failures.length === 0) throw error
    const { code, message, details } = toCniError(error)
    throw new CniError(code, message, [details, ...failures].filter(Boolean).join('\n'))
  }
}
