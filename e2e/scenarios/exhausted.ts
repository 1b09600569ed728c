// A node without a free address: it stays Ready, its pods run on, and new ones go elsewhere or wait until there is room.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../driver.ts'
import { apply, condition, get, getAll, type KubernetesObject, on } from '../kubernetes.ts'
import { createPod, deletePods, fetchFrom, podSpec, urlOf, waitReady } from '../pods.ts'
import { podCidrsOf } from '../podwire.ts'
import { eventually, forEach, note, type Scenario } from '../scenario.ts'

/** Addresses that pods can have in a /29. */
const size = 5
/** Seconds after which pods of a node that is not Ready are evicted here; five minutes in most clusters. */
const tolerationSeconds = 3

export const scenario: Scenario = {
  clusters: [{ nodes: 2, nodeMask: 29 }],
  fresh: true,
  checks: {
    async 'a node stays Ready and has the condition with figures when its addresses are exhausted'(cluster, namespace) {
      const node = full(cluster)
      await Promise.all(names.map((name) => createPod(cluster, namespace, name, { node })))
      const start = performance.now()
      const { reason, message } = await reported(cluster, node, 'True', 15)
      note(`condition ${((performance.now() - start) / 1000).toFixed(1)} s after the last pod was Ready`)
      assert.equal(reason, 'PodAddressesExhausted')
      const [podCidr] = await podCidrsOf(cluster, node)
      assert.ok(message.startsWith(`all ${size} addresses of ${podCidr} are in use`), message)
      assert.equal(condition(await get(cluster, 'node', node), 'Ready'), 'True')
      const events = await eventually(5, async () => {
        const found = await getAll(cluster, 'events', '-n', 'default', '--field-selector', 'reason=PodAddressesExhausted')
        assert.ok(found.length > 0, 'no event PodAddressesExhausted')
        return found
      })
      // One crossing is one event.
      assert.equal(events.length, 1)
    },
    async 'new pods go to another node, or wait where they may go to no other'(cluster, namespace) {
      const [other = ''] = on(cluster)
      await apply(cluster, newPod('anywhere', namespace), newPod('waiting', namespace, full(cluster)))
      assert.equal((await waitReady(cluster, namespace, 'anywhere')).node, other)
      await eventually(10, async () => {
        const scheduled = conditionOf(await get(cluster, 'pod', '-n', namespace, 'waiting'), 'PodScheduled')
        assert.equal(scheduled.reason, 'Unschedulable')
        assert.match(scheduled.message, /untolerated taint/)
      })
      const { spec } = await get(cluster, 'node', full(cluster))
      assert.deepEqual(
        spec.taints.map(({ key, effect }: { readonly key: string; readonly effect: string }) => `${key}:${effect}`),
        ['node.kubernetes.io/network-unavailable:NoSchedule'],
      )
    },
    async 'pods that run are untouched beyond the eviction time'(cluster, namespace) {
      const node = full(cluster)
      const before = conditionOf(await get(cluster, 'node', node), 'Ready')
      // Longer than the kubelet needs to report what STATUS answers, and than the tolerations below.
      await sleep(12_000)
      const now = conditionOf(await get(cluster, 'node', node), 'Ready')
      assert.deepEqual([now.status, now.lastTransitionTime], ['True', before.lastTransitionTime])
      const from = await waitReady(cluster, namespace, 'anywhere')
      await forEach(names, async (name) => {
        const pod = await waitReady(cluster, namespace, name)
        assert.equal(pod.node, node)
        assert.match(await fetchFrom(cluster, from, urlOf(pod.ips[0] ?? '', 8080)), new RegExp(name))
      })
    },
    async 'the condition is taken back and the pod that waits starts when a pod is deleted'(cluster, namespace) {
      const node = full(cluster)
      await deletePods(cluster, namespace, names[0])
      const start = performance.now()
      const { reason } = await reported(cluster, node, 'False', 30)
      note(`condition taken back ${((performance.now() - start) / 1000).toFixed(1)} s after a pod was gone`)
      assert.equal(reason, 'PodwireIsReady')
      assert.equal((await waitReady(cluster, namespace, 'waiting')).node, node)
    },
  },
}

const names = ['full-1', 'full-2', 'full-3', 'full-4', 'full-5'] as const

/** The node that is filled. */
const full = (cluster: Cluster) => on(cluster)[1] ?? ''

/** A pod that the scheduler places, with the tolerations that pods have by default, but for a shorter time. */
function newPod(name: string, namespace: string, node?: string): object {
  const tolerations = ['not-ready', 'unreachable'].map((taint) => ({
    key: `node.kubernetes.io/${taint}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds,
  }))
  const nodeSelector = node === undefined ? {} : { 'kubernetes.io/hostname': node }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: { ...podSpec({}), tolerations, nodeSelector } }
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly lastTransitionTime: string
}

function conditionOf({ status }: KubernetesObject, type: string): Condition {
  const conditions: readonly Condition[] = status.conditions ?? []
  const found = conditions.find((one) => one.type === type)
  assert.ok(found, `no condition ${type}`)
  return found
}

/** Waits until NetworkUnavailable of the node has this status. */
async function reported(cluster: Cluster, node: string, status: 'True' | 'False', seconds: number): Promise<Condition> {
  return await eventually(seconds, async () => {
    const found = conditionOf(await get(cluster, 'node', node), 'NetworkUnavailable')
    assert.equal(found.status, status, `${found.reason}: ${found.message}`)
    return found
  })
}
