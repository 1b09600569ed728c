// What `make test` has a sample of, in full: a fault at each system call, INPUTS fuzzed inputs for each reader, storms REPEATS times as long.
// `make soak` runs it.

import { formatTally } from './harness/tally.ts'
import { runVitest } from './harness/vitest.ts'

process.env.FAULTS = 'all'
process.env.INPUTS ||= '400000'
process.env.REPEATS ||= '50'
process.env.RUNS ||= '1000'
const began = performance.now()
const files = ['test/fuzz/', 'test/crash/', 'test/ipam/faults', 'storm.netns', 'check-after-add.netns', 'same-routes-as-go.netns']
const tally = runVitest(files, 'verbose')
console.log(
  `INPUTS=${process.env.INPUTS} REPEATS=${process.env.REPEATS} RUNS=${process.env.RUNS}: ${((performance.now() - began) / 60_000).toFixed(0)} minutes`,
)
console.log(formatTally(tally))
process.exitCode = tally.failed > 0 ? 1 : 0
