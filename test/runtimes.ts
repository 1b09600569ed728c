// What runtimes expect of their plugins: critest on containerd, nerdctl and podman, each with ours; and every row of the take-over from and to the
// reference plugins, of which `make test` has a third, and of what portmap and the reference plugin check of each other. `make runtimes` runs it.

import { formatTally } from './harness/tally.ts'
import { runVitest } from './harness/vitest.ts'

process.env.ALL = '1'
const clients = ['critest.netns', 'nerdctl.netns', 'podman.netns', 'podwire-podman', 'takeover'].map((name) => `test/clients/${name}`)
const tally = runVitest([...clients, 'portmap/check-each-other.netns'], 'verbose')
console.log(formatTally(tally))
process.exitCode = tally.failed > 0 ? 1 : 0
