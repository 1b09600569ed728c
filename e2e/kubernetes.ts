// The few things that scenarios ask of Kubernetes, through kubectl: what a user would type.

import { type ExecOptions, succeeded } from './command.ts'
import type { Cluster } from './driver.ts'
import { eventually } from './scenario.ts'

/** The parts of a Kubernetes object that scenarios look at; the rest is there but not described. */
export interface KubernetesObject {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly deletionTimestamp?: string
  }
  // What kind has which fields is Kubernetes' business; a wrong one shows as a failed check.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly spec: any
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly status: any
}

/** kubectl, of which a status other than 0 throws; returns its stdout. */
export async function kubectl(cluster: Cluster, args: readonly string[], options?: ExecOptions): Promise<string> {
  return succeeded(await cluster.kubectl(args, options), `kubectl ${args.slice(0, 6).join(' ')}`)
}

/** Applies objects, creating their names' owners where needed. */
export async function apply(cluster: Cluster, ...objects: readonly object[]): Promise<void> {
  await kubectl(cluster, ['apply', '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) })
}

/** All objects that `args` of `kubectl get` choose. */
export async function getAll(cluster: Cluster, ...args: readonly string[]): Promise<readonly KubernetesObject[]> {
  const list = JSON.parse(await kubectl(cluster, ['get', ...args, '-o', 'json']))
  return 'items' in list ? list.items : [list]
}

/** The one object of a name. */
export async function get(cluster: Cluster, ...args: readonly string[]): Promise<KubernetesObject> {
  const [object] = await getAll(cluster, ...args)
  if (object === undefined) throw new Error(`kubectl get ${args.join(' ')}: nothing there`)
  return object
}

/** A condition's status of an object: `True`, `False`, `Unknown`, or undefined where it has none. */
export function condition(object: KubernetesObject, type: string): string | undefined {
  const conditions: readonly { readonly type: string; readonly status: string }[] = object.status?.conditions ?? []
  return conditions.find((one) => one.type === type)?.status
}

/** The names of the nodes that are Ready. */
export async function readyNodes(cluster: Cluster): Promise<string[]> {
  const nodes = await getAll(cluster, 'nodes')
  return nodes.filter((node) => condition(node, 'Ready') === 'True').map(({ metadata }) => metadata.name)
}

/** Waits until these nodes, or all that are on, are Ready. */
export async function nodesReady(cluster: Cluster, nodes: readonly string[] = on(cluster), seconds = 60): Promise<void> {
  await eventually(seconds, async () => {
    const ready = await readyNodes(cluster)
    const waiting = nodes.filter((node) => !ready.includes(node))
    if (waiting.length > 0) throw new Error(`not Ready after ${seconds} s: ${waiting.join(' ')}`)
  })
}

/** The nodes that were not left off. */
export const on = (cluster: Cluster) => cluster.nodes.filter((node) => !cluster.options.off.includes(node))

/** What there is to say about a cluster where a check failed. */
export async function describeFailure(cluster: Cluster, namespace: string): Promise<string> {
  const said = await Promise.all([
    cluster.kubectl(['get', 'nodes', '-o', 'wide'], { timeout: 5000 }),
    cluster.kubectl(['get', 'pods', '-A', '-o', 'wide'], { timeout: 5000 }),
    cluster.kubectl(['get', 'events', '-n', namespace, '--field-selector', 'type!=Normal', '--sort-by=.lastTimestamp'], { timeout: 5000 }),
  ])
  return said.map(({ stdout, stderr }) => (stdout || stderr).trimEnd().split('\n').slice(-12).join('\n')).join('\n')
}
