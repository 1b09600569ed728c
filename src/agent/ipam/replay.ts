// Releases that an IPAM service did not answer, sent each minute by the native program: `podwire ipam replay`.

import { readdir } from 'node:fs/promises'
import { execa } from 'execa'
import { releaseSpool } from '../../contract/paths.ts'
import type { AgentConfig } from '../config.ts'
import type { Logger } from '../log.ts'
import { sleep } from '../loop/backoff.ts'

/** Milliseconds from the start: the agent's own server is ready by then. */
const FIRST = 1_500
/** Milliseconds. */
const INTERVAL = 60_000
const LIMIT = 300_000

/** Runs until `signal`. Starts nothing while nothing is stored. */
export async function replayReleases(
  { native, paths }: Pick<AgentConfig, 'native' | 'paths'>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  let reported = ''
  await sleep(FIRST, signal)
  while (!signal.aborted) {
    const stored = await readdir(releaseSpool(paths)).catch(() => [])
    if (stored.length > 0) {
      const outcome = await execa(native, ['ipam', 'replay', '--state-dir', paths.stateDir], {
        timeout: LIMIT,
        reject: false,
        cleanup: false,
      })
      const reason = outcome.exitCode === 0 ? '' : outcome.stderr.trim().slice(0, 1000) || outcome.shortMessage || ''
      if (outcome.stdout && !outcome.stdout.startsWith('0 sent')) log.info({ result: outcome.stdout.trim() }, 'stored releases sent')
      if (reason !== reported && reason !== '')
        log.warn({ reason, stored: stored.length }, 'cannot send stored releases: their IPAM service does not answer')
      reported = reason
    }
    await sleep(INTERVAL, signal)
  }
}
