// When the kernel is made to match, and when again. What it should match is in desired.ts, how it is done in the native program.

import type { Logger } from '../log.ts'
import { backoff, jittered, sleep } from './backoff.ts'
import { Notifier } from './signal.ts'

/** Why a pass is made: the Nodes changed, the kernel did, the conflist did, or it is time to look at everything. */
export type Cause = 'nodes' | 'kernel' | 'conflist' | 'full'

/** True where everything is now as it should be. */
export type Pass = (causes: ReadonlySet<Cause>) => Promise<boolean>

export interface ReconcileOptions {
  /** Seconds between two full passes. */
  readonly fullPass: number
  /** Milliseconds until the first pass where nothing asks for one before. */
  readonly firstPass: number
}

/** Milliseconds. */
const FIRST_RETRY = 1_000
/** What passes may take more than there was rest between them: a few events are never late. A storm of them leaves the node half of its time. */
const ALLOWANCE = 500
/** A repair has to come within a second. */
const MAX_REST = 250

/** Events mark, one loop works: at most one pass at a time, and what is marked during one is done by the next. */
export class Reconciler {
  readonly #options: ReconcileOptions
  readonly #log: Logger
  readonly #notifier = new Notifier()
  #causes = new Set<Cause>()

  constructor(options: ReconcileOptions, log: Logger) {
    this.#options = options
    this.#log = log
  }

  mark(cause: Cause): void {
    this.#causes.add(cause)
    this.#notifier.notify()
  }

  /** Runs until `signal`; a pass under way is waited for. */
  async run(pass: Pass, beat: () => void, signal: AbortSignal): Promise<void> {
    const retry = backoff(FIRST_RETRY, this.#options.fullPass * 1000)
    let wait = this.#options.firstPass
    let untilFull = performance.now() + wait
    let ended = performance.now()
    // How much longer passes took than there was rest between them.
    let debt = 0
    for (;;) {
      const marked = await this.#notifier.wait(wait, signal)
      if (signal.aborted) return
      beat()
      const started = performance.now()
      if (!marked || started >= untilFull) this.#causes.add('full')
      const causes = this.#causes
      this.#causes = new Set()
      if (causes.has('full')) untilFull = started + jittered(this.#options.fullPass)
      const done = await pass(causes)
      beat()
      if (done) retry.reset()
      const took = performance.now() - started
      debt = Math.max(0, debt + took - (started - ended))
      ended = performance.now()
      this.#log.debug({ causes: [...causes], milliseconds: Math.round(took), done }, 'pass')
      if (debt > ALLOWANCE) await sleep(Math.min(debt - ALLOWANCE, MAX_REST), signal)
      const left = Math.max(0, untilFull - performance.now())
      wait = done ? left : Math.min(left, retry.next())
    }
  }
}
