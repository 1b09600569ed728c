// What the agents may ask of the API server is what they ask, by its audit log: nothing was denied, nothing is allowed in vain.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { getAll, on } from '../kubernetes.ts'
import { killAgent, namespace as ours, release, rolledOut } from '../podwire.ts'
import { type Scenario, Skip } from '../scenario.ts'

const account = `system:serviceaccount:${ours}:${release}`

export const scenario: Scenario = {
  clusters: [{}],
  checks: {
    async 'no request of an agent is denied, and no permission is unused'(cluster) {
      for (const node of on(cluster)) await killAgent(cluster, node)
      await sleep(5000)
      await rolledOut(cluster)
      const log = await cluster.auditLog()
      if (log === undefined) throw new Skip('this cluster keeps no audit log')
      const events = log
        .split('\n')
        .filter((line) => line.includes(account))
        // Events as the API server writes them (audit.k8s.io/v1).
        .map((line) => JSON.parse(line) as AuditEvent)
      assert.ok(events.length > 0, `${account} asked for nothing`)
      const denied = events.filter(({ responseStatus }) => responseStatus?.code === 403).map(describe)
      assert.deepEqual([...new Set(denied)], [])

      const asked = new Set(events.map(describe))
      const roles = await getAll(cluster, 'clusterroles', '-l', 'app.kubernetes.io/component=agent')
      const allowed = roles.flatMap((role) => rulesOf(role).flatMap(permissions))
      assert.ok(allowed.length > 0, 'the chart has no ClusterRole for the agent')
      assert.deepEqual(
        allowed.filter((permission) => !asked.has(permission)),
        [],
        'allowed, but never asked for',
      )
    },
  },
}

interface AuditEvent {
  readonly verb: string
  readonly objectRef?: { readonly apiGroup?: string; readonly resource?: string; readonly subresource?: string }
  readonly requestURI: string
  readonly responseStatus?: { readonly code?: number }
}

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

// A ClusterRole has its rules beside metadata.
const rulesOf = (role: object): readonly Rule[] => ('rules' in role ? (role.rules as readonly Rule[]) : [])

function describe({ verb, objectRef, requestURI }: AuditEvent): string {
  if (objectRef?.resource === undefined) return `${verb} ${requestURI}`
  const resource = objectRef.subresource === undefined ? objectRef.resource : `${objectRef.resource}/${objectRef.subresource}`
  return `${verb} ${objectRef.apiGroup ?? ''}/${resource}`
}

const permissions = ({ apiGroups, resources, verbs }: Rule): string[] =>
  apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)))
