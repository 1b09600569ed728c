// Numbers that are the same in every run.

export type Random = () => number

/** Numbers from 0 up to 1 (a linear congruential generator, Numerical Recipes' constants). */
export function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** A whole number from 0 up to `end`, which is not among them. */
export const below = (random: Random, end: number): number => Math.floor(random() * end)

/** One of them. */
export function pick<T>(random: Random, values: readonly [T, ...T[]]): T {
  return values[below(random, values.length)] ?? values[0]
}
