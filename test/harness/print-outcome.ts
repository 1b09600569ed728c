// The end of a small program for the native host: what its call returned or threw, as JSON on stdout, and its microseconds on stderr.

import { CniError } from '../../src/cni/error.ts'
import { isSysError } from '../../src/host/error.ts'
import { sys } from '../../src/host/sys.ts'

/** An error that is neither a CniError nor a SysError ends the program. */
export function printOutcome(call: () => unknown): void {
  let output: unknown
  const started = sys.clock_gettime(1)
  try {
    output = call()
  } catch (error) {
    if (error instanceof CniError) output = { code: error.code, message: error.message, details: error.details }
    else if (isSysError(error)) output = { errno: error.errno, message: error.message }
    else throw error
  }
  sys.write(2, `${((sys.clock_gettime(1) - started) * 1e6).toFixed(0)} us\n`)
  sys.write(1, JSON.stringify(output))
}
