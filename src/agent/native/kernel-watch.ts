// `podwire node watch`, restarted when it ends: it reports kernel changes by other programs. Without it the full pass finds them.

import { reasonOf } from '../failure.ts'
import type { Logger } from '../log.ts'
import { backoff, sleep } from '../loop/backoff.ts'
import type { Native } from './native.ts'

/** Milliseconds. */
const FIRST_WAIT = 200
const MAX_WAIT = 30_000
const GOOD_RUN = 10_000

export interface KernelObserver {
  /** Whether the watch runs now. */
  listening(yes: boolean): void
  /** State of podwire changed, or may have while the watch was down. */
  changed(): void
}

/** Runs until `signal`. */
export async function watchKernel(native: Native, observer: KernelObserver, log: Logger, signal: AbortSignal): Promise<void> {
  const wait = backoff(FIRST_WAIT, MAX_WAIT)
  const onEvent = (event: string, object: string) => {
    log.debug({ event, object }, 'kernel notification')
    if (event === 'ready') observer.listening(true)
    observer.changed()
  }
  while (!signal.aborted) {
    const started = performance.now()
    const reason = await native.watch(onEvent, signal).then(() => 'it ended without an error', reasonOf)
    observer.listening(false)
    if (signal.aborted) return
    if (performance.now() - started > GOOD_RUN) wait.reset()
    log.warn({ reason }, 'watch of the kernel failed; retrying')
    await sleep(wait.next(), signal)
  }
}
