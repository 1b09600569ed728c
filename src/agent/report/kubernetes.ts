// What the agent writes to the API server, where it is configured: the Node's condition NetworkUnavailable, and events on its own pod and on the Node. Nothing waits for either.

import type { AgentConfig } from '../config.ts'
import { reasonOf } from '../failure.ts'
import type { Request } from '../kube/request.ts'
import type { Logger } from '../log.ts'
import { backoff, sleep } from '../loop/backoff.ts'
import type { AgentState } from './agent-state.ts'
import { NetworkCondition } from './condition.ts'
import { sendEvent } from './event.ts'
import { PoolEvents } from './pool-events.ts'
import { readyChecks } from './ready.ts'

/** The agent's own pod, which events are about. */
export interface Pod {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** From what the chart puts into the environment; undefined outside of a pod. */
export function podOf({ POD_NAMESPACE, POD_NAME, POD_UID }: NodeJS.ProcessEnv): Pod | undefined {
  return POD_NAMESPACE && POD_NAME && POD_UID ? { namespace: POD_NAMESPACE, name: POD_NAME, uid: POD_UID } : undefined
}

/** Milliseconds. A start takes less than GRACE; what recovers by then is not reported. */
const PERIOD = 1_000
const GRACE = 15_000
/** Between two events, so that a flapping state does not fill etcd. */
const QUIET = 60_000

/** Checks each second until `signal`. What the API server rejects of one kind delays no other. */
export async function reportToKubernetes(
  config: AgentConfig['report'],
  agentState: AgentState,
  request: Request,
  pod: Pod | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const repeat = (work: () => Promise<void>) => repeatReport(work, log, signal)
  const reports: Promise<void>[] = []
  if (config.networkUnavailable) {
    const condition = new NetworkCondition(request)
    reports.push(repeat(() => condition.update(agentState)))
  }
  if (config.events && pod) {
    const [events, poolEvents] = [new Events(request, pod), new PoolEvents(request, agentState.node, pod.name)]
    reports.push(repeat(() => events.update(notReadyOf(agentState), performance.now())))
    reports.push(repeat(() => poolEvents.update(agentState.pools)))
  }
  await Promise.all(reports)
}

async function repeatReport(work: () => Promise<void>, log: Logger, signal: AbortSignal): Promise<void> {
  const retry = backoff(PERIOD, 60_000)
  let reported = ''
  while (!signal.aborted) {
    try {
      await work()
      reported = ''
      retry.reset()
      await sleep(PERIOD, signal)
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== reported) log.warn({ reason }, 'cannot report to the API server; retrying')
      reported = reason
      await sleep(retry.next(), signal)
    }
  }
}

export interface NotReady {
  /** The failing checks: the same while only numbers change; '' when the node is ready. */
  readonly kind: string
  readonly message: string
}

/** All failing checks in one text. */
export function notReadyOf(agentState: AgentState): NotReady {
  const { apply, conflist, source } = agentState
  const failing = readyChecks(agentState).filter(({ ok }) => !ok)
  const winner = conflist.report?.others.find(({ wins }) => wins)?.file
  const parts = [
    ...failing.map(({ name, why }) => ({ kind: name, message: `${name}: ${why}` })),
    ...(winner ? [{ kind: 'shadowed', message: `the runtime uses ${winner}, which sorts before podwire's conflist` }] : []),
  ]
  const reasons = [
    ...(source.state === 'waiting' && source.why ? [source.why] : []),
    ...apply.problems.slice(0, 3).map(({ message }) => message),
  ]
  return {
    kind: parts.map(({ kind }) => kind).join(),
    message: [...parts.map(({ message }) => message), ...(parts.length > 0 ? reasons : [])].join('; '),
  }
}

/** Has a lifetime: what was reported last, and since when the state differs from it. */
export class Events {
  readonly #request: Request
  readonly #pod: Pod
  #reported = ''
  #reportedAt = Number.NEGATIVE_INFINITY
  #kind = ''
  #since = Number.NEGATIVE_INFINITY

  constructor(request: Request, pod: Pod) {
    this.#request = request
    this.#pod = pod
  }

  /** `now` in milliseconds. Throws where the API server rejects the event, which is then retried. */
  async update({ kind, message }: NotReady, now: number): Promise<void> {
    if (kind !== this.#kind) [this.#kind, this.#since] = [kind, now]
    if (kind === this.#reported || now - this.#since < GRACE || now - this.#reportedAt < QUIET) return
    const isOver = kind === ''
    await sendEvent(
      this.#request,
      { kind: 'Pod', ...this.#pod },
      this.#pod.name,
      isOver
        ? { type: 'Normal', reason: 'NetworkReady', note: 'this node can serve pods' }
        : { type: 'Warning', reason: 'NetworkNotReady', note: message },
    )
    this.#reported = kind
    this.#reportedAt = now
  }
}
