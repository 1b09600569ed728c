// What runtimes expect of their plugins: critest on containerd, nerdctl and podman, each with ours. `make runtimes` runs it.

import { formatTally } from './harness/tally.ts'
import { runVitest } from './harness/vitest.ts'

const tally = runVitest(
  ['critest', 'nerdctl', 'podman'].map((name) => `test/clients/${name}.netns`).concat('test/clients/podwire-podman'),
  'verbose',
)
console.log(formatTally(tally))
process.exitCode = tally.failed > 0 ? 1 : 0
