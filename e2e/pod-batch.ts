// Many equal pods on one node at once: how long until the last is Ready, and what processor time that takes.

import type { Cluster } from './driver.ts'
import { apply, kubectl } from './kubernetes.ts'
import { deploymentObject } from './pods.ts'

export interface Batch {
  readonly name: string
  readonly namespace: string
  readonly count: number
  readonly node: string
  readonly hostNetwork: boolean
}

/** Both in seconds, the processor time of the whole cluster. */
export interface Cost {
  readonly seconds: number
  readonly cpu: number
}

// Does nothing, and ends on SIGTERM: a `sleep` that is a container's first process would not.
export const restful = ['sh', '-c', 'trap "exit 0" TERM; sleep infinity & wait']

/** From the Deployment to its last pod Ready. */
export async function gather(cluster: Cluster, { name, namespace, count, node, hostNetwork }: Batch): Promise<Cost> {
  const before = (await cluster.usage())?.cpuMs ?? 0
  const start = performance.now()
  await apply(cluster, deploymentObject(name, namespace, count, { node, hostNetwork, command: restful }))
  await kubectl(cluster, ['rollout', 'status', '-n', namespace, `deployment/${name}`, '--timeout=180s'], { timeout: 190_000 })
  const seconds = (performance.now() - start) / 1000
  const cpu = (((await cluster.usage())?.cpuMs ?? 0) - before) / 1000
  return { seconds, cpu }
}

/** Deletes them and waits until they are gone. */
export async function disperse(cluster: Cluster, { name, namespace }: Pick<Batch, 'name' | 'namespace'>): Promise<void> {
  await kubectl(cluster, ['delete', 'deployment', '-n', namespace, name, '--wait=false'])
  await kubectl(cluster, ['wait', '-n', namespace, '--for=delete', 'pod', '-l', `app=${name}`, '--timeout=180s'], { timeout: 190_000 })
}
