// As many pods as a node takes, at once: how long, how much CPU, and beside pods that need no network at all.

import assert from 'node:assert/strict'
import type { Cluster } from '../driver.ts'
import { apply, kubectl, on } from '../kubernetes.ts'
import { deploymentObject, listPods } from '../pods.ts'
import { noLeakedAddresses } from '../podwire.ts'
import { note, type Scenario } from '../scenario.ts'

const count = 100
// Does nothing, and ends when told to: a `sleep` that is a container's first process would not.
const restful = ['sh', '-c', 'trap "exit 0" TERM; sleep infinity & wait']

export const scenario: Scenario = {
  clusters: [{}],
  fresh: true,
  alone: true,
  checks: {
    async [`${count} pods on one node become Ready, each with an address of its own`](cluster, namespace) {
      const node = on(cluster)[1] ?? ''
      const figures = new Map<string, { seconds: number; cpu: number }>()
      for (const hostNetwork of [true, false]) {
        const name = hostNetwork ? 'host-network' : 'pod-network'
        figures.set(name, await measure(cluster, namespace, name, node, hostNetwork))
        const pods = await listPods(cluster, namespace, `app=${name}`)
        if (!hostNetwork) assert.equal(new Set(pods.flatMap(({ ips }) => ips)).size, count)
        await kubectl(cluster, ['delete', 'deployment', '-n', namespace, name, '--wait=false'])
        await kubectl(cluster, ['wait', '-n', namespace, '--for=delete', 'pod', '-l', `app=${name}`, '--timeout=180s'], {
          timeout: 190_000,
        })
      }
      const [host, own] = [figures.get('host-network'), figures.get('pod-network')]
      assert.ok(host && own)
      note(
        `podwire needs ${(own.seconds / host.seconds).toFixed(2)} × the time and ${(own.cpu - host.cpu).toFixed(1)} s more CPU than no network`,
      )
    },
    async 'no address stays behind when they go'(cluster) {
      await noLeakedAddresses(cluster, on(cluster), 60)
    },
  },
}

/** From the Deployment to its last pod Ready. */
async function measure(
  cluster: Cluster,
  namespace: string,
  name: string,
  node: string,
  hostNetwork: boolean,
): Promise<{ seconds: number; cpu: number }> {
  const before = (await cluster.usage())?.cpuMs ?? 0
  const start = performance.now()
  await apply(cluster, deploymentObject(name, namespace, count, { node, hostNetwork, command: restful }))
  await kubectl(cluster, ['rollout', 'status', '-n', namespace, `deployment/${name}`, '--timeout=180s'], { timeout: 190_000 })
  const seconds = (performance.now() - start) / 1000
  const cpu = (((await cluster.usage())?.cpuMs ?? 0) - before) / 1000
  note(`${count} pods, ${name}: Ready in ${seconds.toFixed(1)} s, ${cpu.toFixed(1)} s of CPU in the whole cluster`)
  return { seconds, cpu }
}
