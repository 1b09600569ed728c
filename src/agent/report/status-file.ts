// <run-dir>/status.json, so that `podwire status` works on the node while the agent is down.

import { mkdir, rename, writeFile } from 'node:fs/promises'
import { statusPath, statusTempPath } from '../../contract/paths.ts'
import { reasonOf } from '../failure.ts'
import type { Logger } from '../log.ts'
import { sleep } from '../loop/backoff.ts'
import type { AgentState } from './agent-state.ts'
import { type Status, statusOf } from './status.ts'

/** Milliseconds. */
const PERIOD = 10_000

/** Written after each pass, and each ten seconds in between. */
export class StatusFile {
  readonly #runDir: string
  readonly #agentState: AgentState
  readonly #log: Logger
  #reported = ''

  constructor(runDir: string, agentState: AgentState, log: Logger) {
    this.#runDir = runDir
    this.#agentState = agentState
    this.#log = log
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(PERIOD, signal)
      if (!signal.aborted) await this.write()
    }
  }

  async write(stopping = false): Promise<void> {
    try {
      await writeStatus(this.#runDir, statusOf(this.#agentState, stopping))
      this.#reported = ''
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== this.#reported) this.#log.warn({ reason }, 'cannot write status.json')
      this.#reported = reason
    }
  }
}

/** Atomic: a temporary file, then rename. No fsync, since the run directory is in memory and out of date after a crash anyway. */
async function writeStatus(runDir: string, status: Status): Promise<void> {
  await mkdir(runDir, { recursive: true })
  const temp = statusTempPath({ runDir })
  await writeFile(temp, `${JSON.stringify(status, undefined, 2)}\n`)
  await rename(temp, statusPath({ runDir }))
}
