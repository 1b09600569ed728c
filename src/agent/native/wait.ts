// The start: the installer may still have to copy the native program.

import { reasonOf } from '../failure.ts'
import type { Logger } from '../log.ts'
import { sleep } from '../loop/backoff.ts'
import { type Native, NativeError } from './native.ts'

/** Milliseconds. */
const RETRY = 1_000

/** Its version, once it runs; '' after `signal`. `onWaiting` gets each reason. Throws a NativeError where it speaks another protocol. */
export async function waitForProgram(
  native: Native,
  onWaiting: (reason: string) => void,
  log: Logger,
  signal: AbortSignal,
): Promise<string> {
  let reported = ''
  while (!signal.aborted) {
    try {
      return await native.version()
    } catch (error) {
      if (error instanceof NativeError && error.kind === 'protocol') throw error
      const reason = reasonOf(error)
      if (reason !== reported) log.error({ reason }, 'waiting for the native program')
      reported = reason
      onWaiting(reason)
      await sleep(RETRY, signal)
    }
  }
  return ''
}
