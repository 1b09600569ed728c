// Nearly right input to everything that reads what others write: it is taken, or rejected by a typed error that names what. INPUTS=N for each target
// tries more (`make soak`), SEED=N other ones; a violation prints the seed of its input.

import { expect, it } from 'vitest'
import { seeded } from '../harness/random.ts'
import { targets } from './targets.ts'

const inputs = Number(process.env.INPUTS ?? 1_000)
const first = Number(process.env.SEED ?? 1)
/** Milliseconds that reading one input may take: more is a loop that the input controls. */
const SLOW = 1_000
/** Violations of a target that are shown. */
const SHOWN = 5

it.each(Object.entries(targets))('%s: any input is read or rejected by a typed error', { timeout: 3_600_000 }, (_, { run, accepts }) => {
  const violations: string[] = []
  for (let seed = first; seed < first + inputs && violations.length < SHOWN; seed++) {
    const start = performance.now()
    try {
      run(seeded(seed))
    } catch (error) {
      if (!accepts(error)) violations.push(`SEED=${seed} INPUTS=1: ${error instanceof Error ? error.stack : error}`)
    }
    if (performance.now() - start > SLOW) violations.push(`SEED=${seed} INPUTS=1: took over ${SLOW} ms`)
  }
  expect(violations).toEqual([])
})
