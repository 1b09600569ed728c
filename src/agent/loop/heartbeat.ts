// Whether every loop still runs. Nothing in here depends on the outside: a liveness probe that does would restart agents while the API server is away.

/** Loops by name, each with the longest time that it may be silent. Times are of performance.now(). */
export class Heartbeats {
  readonly #loops = new Map<string, { readonly limit: number; last: number }>()

  /** A loop that starts now; returns its beat. `limit` in milliseconds. */
  loop(name: string, limit: number): () => void {
    const loop = { limit, last: performance.now() }
    this.#loops.set(name, loop)
    return () => {
      loop.last = performance.now()
    }
  }

  /** The loops that are silent for too long, each with its silence in seconds. */
  stuck(now = performance.now()): string[] {
    return [...this.#loops]
      .filter(([, { limit, last }]) => now - last > limit)
      .map(
        ([name, { limit, last }]) =>
          `${name}: silent for ${Math.round((now - last) / 1000)} s, at most ${Math.round(limit / 1000)} s are normal`,
      )
  }
}
