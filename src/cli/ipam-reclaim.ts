// `podwire ipam reclaim`: releases what pods that are gone without DEL have. An operator runs it, or a timer.

import { formatProblem } from '../contract/problem.ts'
import { RUNTIME_CACHE } from '../libcni/cache.ts'
import type { Flag } from './args.ts'
import { print } from './output.ts'
import { reclaim } from './reclaim.ts'
import { dryRunFlag, finish, outputFlag, pathFlags, pathsFrom, UsageError, type Verb } from './verb.ts'

/** Seconds; kubelet waits four minutes for a sandbox. */
const GRACE = 600

const graceFlag: Flag = { name: 'grace', value: 'SECONDS', about: 'leave leases alone that are younger', fallback: `${GRACE}` }
const cacheDirFlag: Flag = { name: 'cache-dir', value: 'DIR', about: "the runtime's directory of saved results", fallback: RUNTIME_CACHE }

export const ipamReclaimVerb: Verb = {
  name: 'ipam reclaim',
  about: 'release addresses and host ports of pods that are gone without DEL',
  details: [
    'A lease is stale when its pod has no pair on this node, and the runtime has saved no result',
    'of it or one whose namespace is gone. What cannot be seen from here is not reclaimed.',
  ],
  flags: [...pathFlags, cacheDirFlag, graceFlag, dryRunFlag, outputFlag],
  run: (given) => {
    const dryRun = given.has('dry-run')
    const cacheDir = given.get('cache-dir') ?? RUNTIME_CACHE
    const report = reclaim({ paths: pathsFrom(given), cacheDir, grace: seconds(given.get('grace')), dryRun })
    return finish(given, report, () => {
      for (const { kind, object, reason } of report.reclaimed) print(`${kind} ${object}: ${reason}`)
      for (const unseen of report.unseen) print(formatProblem(unseen))
      print(`${report.reclaimed.length} ${dryRun ? 'stale, nothing changed' : 'reclaimed'}`)
    })
  },
}

function seconds(text = `${GRACE}`): number {
  const value = Number(text)
  if (text !== '' && Number.isInteger(value) && value >= 0) return value
  throw new UsageError(`--grace: expected seconds, got ${JSON.stringify(text)}`)
}
