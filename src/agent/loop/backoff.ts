// How long to wait before the next attempt: longer each time, and never all nodes at the same moment.

export interface Backoff {
  /** Milliseconds until the next attempt; at least `least`. */
  next(least?: number): number
  /** The attempt succeeded. */
  reset(): void
}

/** Doubles from `first` to `most` milliseconds; each wait is drawn from the upper half, so that what failed together does not return together. */
export function backoff(first: number, most: number, random: () => number = Math.random): Backoff {
  let limit = first
  return {
    next(least = 0) {
      const wait = limit / 2 + (random() * limit) / 2
      limit = Math.min(most, limit * 2)
      // A requested wait is jittered upward only.
      return least > wait ? least + (random() * least) / 4 : wait
    },
    reset() {
      limit = first
    },
  }
}

/** `seconds` ± 10 %, in milliseconds. */
export function jittered(seconds: number, random: () => number = Math.random): number {
  return seconds * 1000 * (0.9 + 0.2 * random())
}

/** Waits for `signal`, which may have come already. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}

/** Waits; ends early, without an error, when `signal` does. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done()
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      done()
    }
    const timer = setTimeout(finish, milliseconds)
    signal.addEventListener('abort', finish)
  })
}
