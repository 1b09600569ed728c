// Saves a pass that found nothing to do: with the same state, program and kernel the next one need not compute it again.

import { convergedPath } from '../contract/paths.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { readWhole, replaceText } from '../host/whole-file.ts'
import type { Place } from './facts.ts'
import type { Report } from './report.ts'

interface Converged {
  readonly program: string
  /** Of the state's text. */
  readonly state: string
  /** Of `observeKernel`. */
  readonly kernel: string
  readonly place: Place
  readonly report: Report
}

/** The last converged pass with this state; undefined where there was none. */
export function readConverged(stateDir: string, text: string): Converged | undefined {
  const saved = readWhole(convergedPath({ stateDir }))
  if (saved === undefined) return undefined
  try {
    // Written by writeConverged of this very program, or not used.
    const converged = JSON.parse(saved) as Converged
    return converged.program === program() && converged.state === sys.fingerprint(text) ? converged : undefined
  } catch {
    return undefined
  }
}

/** For the next pass, which takes longer where this cannot be saved. */
export function writeConverged(stateDir: string, text: string, kernel: string, place: Place, report: Report): void {
  try {
    const converged: Converged = { program: program(), state: sys.fingerprint(text), kernel, place, report }
    replaceText(convergedPath({ stateDir }), JSON.stringify(converged), 0o600)
  } catch (error) {
    if (!isSysError(error)) throw error
  }
}

/** Another build may compute other objects from the same state. */
function program(): string {
  const { dev, ino, size, mtime } = sys.stat('/proc/self/exe')
  return `${dev} ${ino} ${size} ${mtime}`
}
