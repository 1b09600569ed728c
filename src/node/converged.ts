// Remembers a pass that found nothing to do: with the same state, program and kernel the next one need not work out again what all should be.

import { convergedPath } from '../contract/paths.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { readWhole, replaceText } from '../host/whole-file.ts'
import type { Place } from './facts.ts'
import type { Report } from './report.ts'

interface Settled {
  readonly program: string
  /** Of the state's text. */
  readonly state: string
  /** What `observeKernel` said. */
  readonly kernel: string
  readonly place: Place
  readonly report: Report
}

/** The place to look at, and what to say where it looks the same; undefined where nothing is known of this state. */
export function readConverged(stateDir: string, text: string): Settled | undefined {
  const kept = readWhole(convergedPath({ stateDir }))
  if (kept === undefined) return undefined
  try {
    // Written by writeConverged of this very program, or not used.
    const converged = JSON.parse(kept) as Settled
    return converged.program === program() && converged.state === sys.fingerprint(text) ? converged : undefined
  } catch {
    return undefined
  }
}

/** For the next pass; where it cannot be kept that one takes longer. */
export function writeConverged(stateDir: string, text: string, kernel: string, place: Place, report: Report): void {
  try {
    const converged: Settled = { program: program(), state: sys.fingerprint(text), kernel, place, report }
    replaceText(convergedPath({ stateDir }), JSON.stringify(converged), 0o600)
  } catch (error) {
    if (!isSysError(error)) throw error
  }
}

/** Another build of the program may want other things of the same state. */
function program(): string {
  const { dev, ino, size, mtime } = sys.stat('/proc/self/exe')
  return `${dev} ${ino} ${size} ${mtime}`
}
