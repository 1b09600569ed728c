// The conflist: published once the node is ready, and restored when it is removed or edited.

import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentConfig } from '../config.ts'
import { reasonOf } from '../failure.ts'
import { type Logger, ProblemLog } from '../log.ts'
import { FolderWatch } from '../loop/folder-watch.ts'
import { Notifier } from '../loop/signal.ts'
import type { Native } from '../native/native.ts'
import type { AgentState } from '../report/agent-state.ts'

/** Milliseconds: catches what inotify misses. */
const POLL = 2_000

export interface ConflistWatcher {
  beat(): void
  /** The file is not as it was published, or its directory has changed. */
  changed(): void
}

export class ConflistPublisher {
  readonly #config: AgentConfig
  readonly #native: Native
  readonly #agentState: AgentState
  readonly #log: Logger
  readonly #problems: ProblemLog
  /** What was published last, and the fingerprint of file and directory then. */
  #input = ''
  #seen = ''

  constructor(config: AgentConfig, native: Native, agentState: AgentState, log: Logger) {
    this.#config = config
    this.#native = native
    this.#agentState = agentState
    this.#log = log
    this.#problems = new ProblemLog(log)
  }

  /** Publishes these ranges; does nothing where they are published already, unless `full`. False where it failed. */
  async publish(podCidrs: readonly string[], mtu: number, full: boolean): Promise<boolean> {
    const { conflist } = this.#agentState
    const { publish, others, mode } = this.#config.conflist
    if (!publish) return true
    const input = JSON.stringify([podCidrs, mtu])
    if (!full && conflist.published && input === this.#input && this.#fingerprint() === this.#seen) return true
    try {
      const report = await this.#native.publish({ podCidrs, mtu, others, mode })
      const repaired = report.changed && conflist.published && input === this.#input
      if (repaired) this.#agentState.drift.set('conflist', (this.#agentState.drift.get('conflist') ?? 0) + 1)
      if (report.changed) this.#log.info({ path: report.path, podCidrs, mtu }, repaired ? 'conflist restored' : 'conflist published')
      conflist.report = report
      conflist.failure = ''
      conflist.published = report.published
      this.#problems.report(report.problems)
      if (report.published) conflist.lastSuccessAt = performance.now()
      else conflist.failure = report.problems[0]?.message ?? 'the native program gave no reason'
      this.#input = input
      // A write between the publishing and this check is found here, or by the next check.
      this.#seen = (await sha256(report.path)) === report.sha256 ? this.#fingerprint() : ''
      return report.published && this.#seen !== ''
    } catch (error) {
      conflist.failure = reasonOf(error)
      this.#problems.report([{ kind: 'publish', object: this.#config.paths.confName, message: conflist.failure, failed: true }])
      return false
    }
  }

  /** Runs until `signal`. */
  async watch({ beat, changed }: ConflistWatcher, signal: AbortSignal): Promise<void> {
    const change = new Notifier()
    const folder = new FolderWatch(this.#config.paths.confDir, () => change.notify())
    while (!signal.aborted) {
      folder.ensure()
      beat()
      if (this.#agentState.conflist.published && this.#fingerprint() !== this.#seen) changed()
      await change.wait(POLL, signal)
    }
    folder.close()
  }

  /** Changes with the file and with its directory. Synchronous: two calls each two seconds are cheaper than the threads for them. */
  #fingerprint(): string {
    const { confDir, confName } = this.#config.paths
    return `${fingerprint(confDir)}; ${fingerprint(join(confDir, confName))}`
  }
}

function fingerprint(path: string): string {
  try {
    const { ino, size, mode, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return `${ino} ${size} ${mode} ${mtimeNs} ${ctimeNs}`
  } catch {
    return 'absent'
  }
}

async function sha256(path: string): Promise<string> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
  } catch {
    return ''
  }
}
