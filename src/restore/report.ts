// What a pass over the running pods found missing, and restored.

import { formatError, toCniError } from '../cni/error.ts'
import type { Problem } from '../contract/problem.ts'
import type { Address } from '../net/address.ts'

/** `pod-port`: a host port, or the rules of all. */
export type PodKind = 'pod-link' | 'pod-address' | 'pod-route' | 'pod-port'

export interface PodChange {
  readonly kind: PodKind
  /** `10.1.1.5/32 of ns/web` */
  readonly object: string
}

/** A running pod that was compared. */
export interface RunningPod {
  readonly pod: string
  readonly network: string
  readonly addresses: readonly Address[]
}

export interface PodsReport {
  readonly pods: readonly RunningPod[]
  readonly drift: Readonly<Record<PodKind, number>>
  /** What was missing; restored unless it was a dry run. */
  readonly changes: readonly PodChange[]
  readonly problems: readonly Problem[]
}

export interface PodLog {
  readonly changes: PodChange[]
  readonly problems: Problem[]
}

const MAX_PROBLEMS = 50

/** Notes that `what` of the pod was missing. */
export function noteMissing({ changes }: PodLog, kind: PodKind, what: string, pod: string): void {
  changes.push({ kind, object: `${what} of ${pod}` })
}

/** A warning: one pod's problem is no failure of the node. */
export function notePodProblem({ problems }: PodLog, kind: PodKind, pod: string, error: unknown): void {
  const message = error instanceof Error ? formatError(toCniError(error)) : String(error)
  if (problems.length < MAX_PROBLEMS) problems.push({ kind, object: pod, message, failed: false })
}

export function podsReport(pods: readonly RunningPod[], { changes, problems }: PodLog): PodsReport {
  const drift = { 'pod-link': 0, 'pod-address': 0, 'pod-route': 0, 'pod-port': 0 }
  for (const { kind } of changes) drift[kind]++
  return { pods, drift, changes, problems }
}
