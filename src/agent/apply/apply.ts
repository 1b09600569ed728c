// The desired state into the kernel, through the native program, and what came of it into the agent's state.

import type { Problem } from '../../contract/problem.ts'
import type { Desired } from '../desired/desired.ts'
import { reasonOf } from '../failure.ts'
import { type Logger, ProblemLog } from '../log.ts'
import { type Native, NativeError } from '../native/native.ts'
import type { ApplyReport } from '../native/native-report.ts'
import type { AgentState } from '../report/agent-state.ts'
import { JoinedPeers } from './joined-peers.ts'

/** Called after every apply: its seconds, and the kinds of its failures. */
export type OnApplied = (seconds: number, errors: readonly string[]) => void

/** Has a lifetime: which peers and problems are known already. */
export class Apply {
  readonly #native: Native
  readonly #agentState: AgentState
  readonly #log: Logger
  readonly #onApplied: OnApplied
  readonly #problems: ProblemLog
  readonly #joinedPeers = new JoinedPeers()

  constructor(native: Native, agentState: AgentState, log: Logger, onApplied: OnApplied) {
    this.#native = native
    this.#agentState = agentState
    this.#log = log
    this.#onApplied = onApplied
    this.#problems = new ProblemLog(log)
  }

  /** Undefined where the program gave no report; the reason is then in the agent's state. */
  async run(desired: Desired): Promise<ApplyReport | undefined> {
    await this.#addJoined(desired)
    const { apply } = this.#agentState
    const started = performance.now()
    const { report, problems } = await this.#call(desired.json)
    apply.lastAt = performance.now()
    apply.lastMilliseconds = apply.lastAt - started
    apply.failure = report ? '' : (problems[0]?.message ?? '')
    apply.ok = false
    this.#problems.report(problems)
    this.#onApplied(
      apply.lastMilliseconds / 1000,
      failuresIn(problems).map(({ kind }) => kind),
    )
    if (report) {
      record(this.#agentState, report, this.#log)
      this.#agentState.podCidrs = desired.podCidrs
    }
    return report
  }

  /** A failure here recurs in the pass, which reports it. */
  async #addJoined({ state }: Desired): Promise<void> {
    const peers = state ? this.#joinedPeers.next(state.peers) : []
    if (peers.length === 0) return
    try {
      await this.#native.addPeers(JSON.stringify({ ...state, peers }))
    } catch (error) {
      this.#log.debug({ reason: reasonOf(error), peers: peers.length }, 'cannot add joined peers before the pass')
    }
  }

  async #call(json: string): Promise<{ report: ApplyReport | undefined; problems: readonly Problem[] }> {
    try {
      const report = await this.#native.apply(json)
      return { report, problems: report.problems }
    } catch (error) {
      const kind = error instanceof NativeError ? error.kind : 'other'
      return { report: undefined, problems: [{ kind, object: '', message: reasonOf(error), failed: true }] }
    }
  }
}

export function failuresIn(problems: readonly Problem[]): Problem[] {
  return problems.filter(({ failed }) => failed)
}

function record({ apply, drift }: AgentState, report: ApplyReport, log: Logger): void {
  apply.ok = failuresIn(report.problems).length === 0
  if (apply.ok) apply.lastSuccessAt = performance.now()
  apply.mtu = report.mtu
  apply.vxlan = report.vxlan
  apply.routes = report.routes
  apply.problems = report.problems
  apply.peers = report.peers
  const repaired = [...report.drift].filter(([, count]) => count > 0)
  for (const [kind, count] of repaired) drift.set(kind, (drift.get(kind) ?? 0) + count)
  if (repaired.length > 0) log.warn({ repaired: Object.fromEntries(repaired) }, 'drift repaired')
  log.debug({ routes: report.routes, changed: report.changed, mtu: report.mtu }, 'applied')
}
