// When a pass is made, and when it is retried. The desired state is in desired.ts, the pass in pass.ts.

import type { Logger } from '../log.ts'
import { backoff, jittered, sleep } from './backoff.ts'
import { Notifier } from './signal.ts'

/** Why a pass is made: the Nodes changed, the kernel did, the conflist did, or a full pass is due. */
export type Cause = 'nodes' | 'kernel' | 'conflist' | 'full'

/** True where actual equals desired. */
export type Pass = (causes: ReadonlySet<Cause>) => Promise<boolean>

export interface ReconcileOptions {
  /** Seconds between two full passes. */
  readonly fullPass: number
  /** Milliseconds until the first pass where no event triggers one before. */
  readonly firstPass: number
}

/** Milliseconds. */
const FIRST_RETRY = 1_000
/** By how much passes may exceed the pauses between them: a few events are handled at once, a storm of them takes at most half of a CPU. */
const ALLOWANCE = 500
/** A repair has to come within a second. */
const MAX_PAUSE = 250

/** Callers mark causes, one loop makes passes: one at a time; a cause marked during a pass is for the next. */
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

  /** Runs until `signal`; waits for the running pass. */
  async run(pass: Pass, beat: () => void, signal: AbortSignal): Promise<void> {
    const retry = backoff(FIRST_RETRY, this.#options.fullPass * 1000)
    let wait = this.#options.firstPass
    let untilFull = performance.now() + wait
    let ended = performance.now()
    // How much longer passes took than the pauses between them.
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
      if (debt > ALLOWANCE) await sleep(Math.min(debt - ALLOWANCE, MAX_PAUSE), signal)
      const left = Math.max(0, untilFull - performance.now())
      wait = done ? left : Math.min(left, retry.next())
    }
  }
}
