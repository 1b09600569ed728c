// A node fails and comes back: its runtime, its kubelet, its power.

import assert from 'node:assert/strict'
import type { Cluster } from '../driver.ts'
import { apply, get, kubectl, nodesReady, on } from '../kubernetes.ts'
import { createPod, deploymentObject, fetchFrom, listPods, type Pod, podObject, urlOf, waitReady } from '../pods.ts'
import { noLeakedAddresses, podwireOn, rolledOut } from '../podwire.ts'
import { eventually, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  clusters: [{}, { runtime: 1 }],
  fresh: true,
  checks: {
    async 'pods keep their network when containerd and the kubelet are restarted'(cluster, namespace) {
      await apply(cluster, ...on(cluster).map((node) => podObject(`steady-${node}`, namespace, { node })))
      const before = await steadyPods(cluster, namespace)
      for (const node of on(cluster)) {
        await cluster.restart(node, 'containerd')
        await cluster.restart(node, 'kubelet')
      }
      await everyPair(cluster, before)
      await nodesReady(cluster)
      const after = await steadyPods(cluster, namespace)
      assert.deepEqual(
        after.map(({ ips }) => ips),
        before.map(({ ips }) => ips),
      )
      await createPod(cluster, namespace, 'after-restart', { node: before[0]?.node ?? '' })
    },
    async 'a node that lost power serves its pods again, without a stale lease'(cluster, namespace) {
      const node = on(cluster)[1] ?? ''
      await apply(cluster, deploymentObject('rebooted', namespace, 5, { node }))
      await kubectl(cluster, ['rollout', 'status', '-n', namespace, 'deployment/rebooted', '--timeout=60s'])
      await cluster.powerOff(node)
      await cluster.powerOn(node)
      await back(cluster, namespace, node)
    },
    async 'a node of which only /var is left serves its pods again'(cluster, namespace) {
      const node = on(cluster).at(-1) ?? ''
      await cluster.inNode(node, ['sh', '-c', 'rm -rf /etc/cni/net.d/* /opt/cni/bin/*'])
      await cluster.powerOff(node)
      await cluster.powerOn(node)
      await back(cluster, namespace, node)
    },
  },
}

const steadyPods = (cluster: Cluster, namespace: string): Promise<Pod[]> =>
  Promise.all(on(cluster).map((node) => waitReady(cluster, namespace, `steady-${node}`)))

async function everyPair(cluster: Cluster, pods: readonly Pod[]): Promise<void> {
  for (const from of pods) for (const to of pods) await eventually(10, () => fetchFrom(cluster, from, urlOf(to.ips[0] ?? '', 8080)))
}

/** Everything of a node that went is there again: Ready, its pods and the ways to them, no lease of the life before. */
async function back(cluster: Cluster, namespace: string, node: string): Promise<void> {
  // The Node's Ready of before stays until the kubelet says otherwise.
  await eventually(60, async () => {
    const restarted = (await get(cluster, 'pod', '-n', namespace, `steady-${node}`)).status.containerStatuses[0]
    assert.ok(restarted.restartCount > 0 && restarted.ready, `steady-${node} is not back`)
  })
  await nodesReady(cluster)
  await rolledOut(cluster)
  await everyPair(cluster, await steadyPods(cluster, namespace))
  for (const { name } of await listPods(cluster, namespace, 'app=rebooted')) await waitReady(cluster, namespace, name, 60)
  await noLeakedAddresses(cluster, [node], 60)
  await eventually(20, () => podwireOn(cluster, node, 'verify'))
}
