// What the agents and the chart's hooks may ask of the API server is what they ask, by its audit log: nothing was denied, nothing is allowed in vain.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { succeeded } from '../command.ts'
import type { Cluster } from '../driver.ts'
import { kubectl, on } from '../kubernetes.ts'
import { killAgent, namespace as ours, release, rolledOut, uninstallChart } from '../podwire.ts'
import { type Scenario, Skip } from '../scenario.ts'

export const scenario: Scenario = {
  clusters: [{}],
  fresh: true,
  checks: {
    async 'no request of an agent is denied, and no permission is unused'(cluster) {
      for (const node of on(cluster)) await killAgent(cluster, node)
      await sleep(5000)
      await rolledOut(cluster)
      const roles = await rolesIn(cluster, await helmGet(cluster, 'manifest'))
      // Its Role is for events, which it writes where something has been wrong for a while.
      await usesWhatItHas(
        cluster,
        release,
        roles.filter(({ kind }) => kind === 'ClusterRole'),
      )
    },
    async 'no request of the hooks for test and uninstall is denied, and no permission is unused'(cluster) {
      const roles = await rolesIn(cluster, await helmGet(cluster, 'hooks'))
      succeeded(await cluster.helm(['test', release, '-n', ours, '--timeout', '2m'], { timeout: 150_000 }), 'helm test')
      await uninstallChart(cluster)
      for (const account of [`${release}-test`, `${release}-uninstall`]) {
        await usesWhatItHas(
          cluster,
          account,
          roles.filter(({ name }) => name === account),
        )
      }
    },
  },
}

/** Throws where the account was denied something, or where its roles allow what it has never asked for. */
async function usesWhatItHas(cluster: Cluster, name: string, roles: readonly Role[]): Promise<void> {
  const log = await cluster.auditLog()
  if (log === undefined) throw new Skip('this cluster keeps no audit log')
  const account = `system:serviceaccount:${ours}:${name}`
  const events = log
    .split('\n')
    .filter((line) => line.includes(`"${account}"`))
    // Events as the API server writes them (audit.k8s.io/v1).
    .map((line) => JSON.parse(line) as AuditEvent)
  assert.ok(events.length > 0, `${account} asked for nothing`)
  const denied = events.filter(({ responseStatus }) => responseStatus?.code === 403).map(describe)
  assert.deepEqual([...new Set(denied)], [], `denied to ${name}`)

  const asked = new Set(events.map(describe))
  const allowed = roles.flatMap(({ rules }) => rules.flatMap(permissions))
  assert.ok(allowed.length > 0, `the chart has no role for ${name}`)
  const unused = allowed.filter((permission) => !asked.has(permission))
  assert.deepEqual(unused, [], `allowed to ${name}, but never asked for`)
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

interface Role {
  readonly kind: 'Role' | 'ClusterRole'
  readonly name: string
  readonly rules: readonly Rule[]
}

async function helmGet(cluster: Cluster, what: 'manifest' | 'hooks'): Promise<string> {
  return succeeded(await cluster.helm(['get', what, release, '-n', ours]), `helm get ${what}`)
}

/** The Roles and ClusterRoles of a manifest; kubectl reads YAML, and writes kind, name and rules as JSON a line. */
async function rolesIn(cluster: Cluster, manifest: string): Promise<Role[]> {
  const path = 'jsonpath={.kind}{"\\t"}{.metadata.name}{"\\t"}{.rules}{"\\n"}'
  const lines = await kubectl(cluster, ['create', '--dry-run=client', '-f', '-', '-o', path], { stdin: manifest })
  return lines.split('\n').flatMap((line) => {
    const [kind, name = '', rules = ''] = line.split('\t')
    return kind === 'Role' || kind === 'ClusterRole' ? [{ kind, name, rules: JSON.parse(rules) as Rule[] }] : []
  })
}

function describe({ verb, objectRef, requestURI }: AuditEvent): string {
  if (objectRef?.resource === undefined) return `${verb} ${requestURI}`
  const resource = objectRef.subresource === undefined ? objectRef.resource : `${objectRef.resource}/${objectRef.subresource}`
  return `${verb} ${objectRef.apiGroup ?? ''}/${resource}`
}

const permissions = ({ apiGroups, resources, verbs }: Rule): string[] =>
  apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)))
