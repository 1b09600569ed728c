// The agent's state: each part writes its own field; health, metrics, status and events read them. No logic in here.

import type { Json } from '../../cni/json.ts'
import type { Problem } from '../../contract/problem.ts'
import type { PlanProblem } from '../../node/plan.ts'
import type { PublishReport } from '../native/native-report.ts'
import type { PoolState } from './pool-level.ts'

/** Times are of performance.now() where they are named `…At`, since the wall clock may jump; -Infinity is never. */
export interface AgentState {
  readonly node: string
  readonly startedAt: number
  /** Of the native program; '' before it has run. */
  nativeVersion: string
  readonly source: {
    readonly kind: 'kubernetes' | 'file'
    state: 'starting' | 'listing' | 'watching' | 'waiting'
    /** The error that it waits after. */
    why: string
    synced: boolean
    lists: number
    breaks: number
    lastEventAt: number
  }
  nodes: number
  planProblems: readonly PlanProblem[]
  /** Source of the applied state: the Nodes, or the disk until they are listed. */
  stateFrom: 'nothing' | 'nodes' | 'disk'
  podCidrs: readonly string[]
  /** Of each podCIDR. */
  pools: readonly PoolState[]
  /** podCIDR → how often it was exhausted since the start. */
  readonly exhaustions: Map<string, number>
  /** Leases that were released since the start because their pod was gone. */
  reclaimed: number
  /** Why no lease can be written; '' where one can. */
  leaseProblem: string
  readonly apply: {
    /** The last pass had no failure. */
    ok: boolean
    /** Why there was no report; '' where there was. */
    failure: string
    lastAt: number
    lastSuccessAt: number
    lastMilliseconds: number
    mtu: number
    vxlan: boolean
    routes: { desired: number; actual: number }
    problems: readonly Problem[]
    peers: readonly Json[]
  }
  readonly conflist: {
    readonly wanted: boolean
    published: boolean
    failure: string
    lastSuccessAt: number
    report: PublishReport | undefined
  }
  kernelWatch: boolean
  /** Kind → repairs since the start. */
  readonly drift: Map<string, number>
}

export function newAgentState(node: string, kind: 'kubernetes' | 'file', publish: boolean): AgentState {
  return {
    node,
    startedAt: performance.now(),
    nativeVersion: '',
    source: { kind, state: 'starting', why: '', synced: false, lists: 0, breaks: 0, lastEventAt: Number.NEGATIVE_INFINITY },
    nodes: 0,
    planProblems: [],
    stateFrom: 'nothing',
    podCidrs: [],
    pools: [],
    exhaustions: new Map(),
    reclaimed: 0,
    leaseProblem: '',
    apply: {
      ok: false,
      failure: '',
      lastAt: Number.NEGATIVE_INFINITY,
      lastSuccessAt: Number.NEGATIVE_INFINITY,
      lastMilliseconds: 0,
      mtu: 0,
      vxlan: false,
      routes: { desired: 0, actual: 0 },
      problems: [],
      peers: [],
    },
    conflist: { wanted: publish, published: false, failure: '', lastSuccessAt: Number.NEGATIVE_INFINITY, report: undefined },
    kernelWatch: false,
    drift: new Map(),
  }
}
