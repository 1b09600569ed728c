// What bench/run.ts asks of bench/measure.ts, and what it hears.

import type { Sample } from './table.ts'

export interface Program {
  readonly file: string
  readonly args: readonly string[]
  readonly env: readonly string[]
  /** `"$answer"`, quotes and all, becomes what the last program of the side that said something has said. */
  readonly stdin: string
}

export const ANSWER = '$answer'

/** Programs that run one after the other and are timed as one, as a runtime waits for a chain of plugins. */
export interface Step {
  readonly name: string
  readonly programs: readonly Program[]
}

export interface Side {
  readonly name: string
  /** The network namespace to run in, where it is not the host's own. */
  readonly node?: string
  readonly steps: readonly Step[]
}

export interface Task {
  readonly rounds: number
  readonly sides: readonly Side[]
}

export type Samples = Record<string, Record<string, Sample>>
