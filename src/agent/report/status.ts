// The agent's state as JSON: /status and status.json.

import { PROTOCOL } from '../../node/state.ts'
import { version } from '../version.ts'
import type { AgentState } from './agent-state.ts'
import { isReady, type ReadyCheck, readyChecks } from './ready.ts'

/** Entries of each list: thousands of bad Nodes must not fill a tmpfs. */
const MAX = 100

export interface Status {
  readonly version: string
  readonly protocol: number
  readonly nativeVersion: string
  readonly node: string
  readonly pid: number
  /** Seconds since 1970. */
  readonly time: number
  /** Seconds. */
  readonly uptime: number
  readonly ready: boolean
  readonly checks: readonly ReadyCheck[]
  readonly [more: string]: unknown
}

export function statusOf(agentState: AgentState, stopping = false): Status {
  const { source, apply, conflist } = agentState
  const checks = readyChecks(agentState)
  return {
    version,
    protocol: PROTOCOL,
    nativeVersion: agentState.nativeVersion,
    node: agentState.node,
    pid: process.pid,
    time: Math.floor(Date.now() / 1000),
    uptime: Math.floor((performance.now() - agentState.startedAt) / 1000),
    stopping,
    ready: isReady(checks),
    checks,
    source: {
      kind: source.kind,
      state: source.state,
      ...(source.why !== '' && { why: source.why }),
      synced: source.synced,
      nodes: agentState.nodes,
      ...ageOf('lastEvent', source.lastEventAt),
    },
    stateFrom: agentState.stateFrom,
    podCidrs: agentState.podCidrs,
    pools: agentState.pools.map(({ podCidr, size, used, level }) => ({ podCidr, size, used, level })),
    ...(agentState.leaseProblem !== '' && { leaseProblem: agentState.leaseProblem }),
    mtu: apply.mtu,
    vxlan: apply.vxlan,
    routes: apply.routes,
    peers: apply.peers.slice(0, MAX),
    apply: {
      ok: apply.ok,
      ...(apply.failure !== '' && { failure: apply.failure }),
      ...ageOf('last', apply.lastAt),
      ...ageOf('lastSuccess', apply.lastSuccessAt),
      milliseconds: Math.round(apply.lastMilliseconds),
      problems: apply.problems.slice(0, MAX),
    },
    nodeProblems: agentState.planProblems.slice(0, MAX).map(({ kind, object, message }) => ({ kind, node: object, message })),
    nodeProblemCount: agentState.planProblems.length,
    conflist: {
      wanted: conflist.wanted,
      published: conflist.published,
      ...(conflist.failure !== '' && { failure: conflist.failure }),
      ...(conflist.report && { path: conflist.report.path, sha256: conflist.report.sha256, others: conflist.report.others }),
    },
    kernelWatch: agentState.kernelWatch,
    drift: Object.fromEntries(agentState.drift),
  }
}

/** `lastAgo` in seconds; nothing where it never was. */
function ageOf(what: string, at: number): Record<string, number> {
  return at === Number.NEGATIVE_INFINITY ? {} : { [`${what}Ago`]: Math.round((performance.now() - at) / 100) / 10 }
}
