// What is typed after `make conformance`: its own settings, and those of the cluster.

import type { ClusterOptions } from '../driver.ts'
import { usage as clusterUsage, parseOptions } from '../options.ts'

export interface Settings {
  /** `up`: the one that `make cluster` brought up. */
  readonly cluster: 'namespaces' | 'kind' | 'up'
  /** All tests that a cluster like this can pass, those of a conformance run, or the few of continuous integration. */
  readonly subset: 'all' | 'conformance' | 'ci'
  /** Of those, the tests with this in their names. */
  readonly focus: string
  /** Tests at a time. */
  readonly processes: number
  /** True where the result is written to docs/conformance.md. */
  readonly record: boolean
  readonly options: ClusterOptions
}

const usage = 'settings are CLUSTER=namespaces|kind|up SUBSET=all|conformance|ci FOCUS=TEXT PROCS=n RECORD=1'

/** Parses `KEY=VALUE` words; throws one error that says what there is where one is not understood. */
export function parseSettings(words: readonly string[]): Settings {
  const own = new Map(
    words
      .filter((word) => /^(CLUSTER|SUBSET|FOCUS|PROCS|RECORD)=/.test(word))
      .map((word) => [word.replace(/=.*$/s, ''), word.replace(/^\w+=/, '')]),
  )
  const options = parseOptions(words.filter((word) => !own.has(word.replace(/=.*$/s, ''))))
  const cluster = oneOf(own.get('CLUSTER'), ['namespaces', 'kind', 'up'])
  const subset = oneOf(own.get('SUBSET'), ['all', 'conformance', 'ci'])
  const processes = Number(own.get('PROCS') ?? 4)
  if (!(processes >= 1 && processes <= 32)) throw new Error(`not understood: PROCS=${own.get('PROCS')}; ${usage}`)
  return { cluster, subset, processes, focus: own.get('FOCUS') ?? '', record: own.get('RECORD') === '1', options }
}

/** The first of the choices where nothing is given. */
function oneOf<T extends string>(given: string | undefined, choices: readonly [T, ...T[]]): T {
  const found = given === undefined ? choices[0] : choices.find((choice) => choice === given)
  if (found === undefined) throw new Error(`not understood: ${given}; ${usage}; of the cluster: ${clusterUsage}`)
  return found
}
