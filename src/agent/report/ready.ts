// Whether this node can give pods a network: /readyz. The API server is not part of it; a node that serves its last state is ready.

import type { AgentState } from './agent-state.ts'

export interface ReadyCheck {
  readonly name: 'podCIDR' | 'routes' | 'masquerade' | 'conflist'
  readonly ok: boolean
  /** The not-ready reason; '' where it is ready. */
  readonly why: string
}

/** Failures of these kinds leave pods without a route out of the node. */
const OF_MASQUERADE: ReadonlySet<string> = new Set(['nft', 'sysctl'])

export function readyChecks({ node, podCidrs, apply, conflist, planProblems, stateFrom }: AgentState): ReadyCheck[] {
  const own = planProblems.find((problem) => problem.object === node)?.message
  const never = apply.lastAt === Number.NEGATIVE_INFINITY ? 'not applied yet' : ''
  const masquerade = apply.problems.find(({ kind, failed }) => failed && OF_MASQUERADE.has(kind))
  const missing = apply.routes.desired - apply.routes.actual
  return [
    check('podCIDR', podCidrs.length > 0 ? '' : (own ?? (stateFrom === 'nothing' ? 'the Nodes are not known yet' : 'not applied yet'))),
    check('routes', apply.failure || never || (missing > 0 ? `${missing} of ${apply.routes.desired} are missing` : '')),
    check('masquerade', apply.failure || never || (masquerade?.message ?? '')),
    check('conflist', !conflist.wanted ? '' : conflist.failure || (conflist.published ? '' : 'not published yet')),
  ]
}

export function isReady(checks: readonly ReadyCheck[]): boolean {
  return checks.every(({ ok }) => ok)
}

function check(name: ReadyCheck['name'], why: string): ReadyCheck {
  return { name, ok: why === '', why }
}
