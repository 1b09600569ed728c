// Traffic and pods go on while agents are replaced, or die.

import assert from 'node:assert/strict'
import type { Cluster } from '../driver.ts'
import { apply, kubectl, on } from '../kubernetes.ts'
import { startOutsideServer } from '../outside.ts'
import { createPod, deploymentObject, type Pod, serviceAddresses, serviceObject, startLoad, urlOf } from '../pods.ts'
import { installChart, killAgent, noLeakedAddresses, podwireOn, rolledOut } from '../podwire.ts'
import { eventually, note, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  clusters: [{}],
  fresh: true,
  alone: true,
  checks: {
    async 'no request is lost while all agents are rolled, and then killed'(cluster, namespace) {
      await underLoad(cluster, namespace, async () => {
        await installChart(cluster, { podAnnotations: { 'podwire.test/round': '1' } })
        for (const node of on(cluster)) await killAgent(cluster, node)
        await rolledOut(cluster)
        await installChart(cluster, { podAnnotations: { 'podwire.test/round': '2' } })
      })
    },
    async 'no request is lost when the configuration changes'(cluster, namespace) {
      await underLoad(cluster, namespace, async () => {
        await installChart(cluster, { masquerade: { exempt: ['203.0.113.0/24'] }, agent: { logLevel: 'debug', fullPass: 10 } })
        await installChart(cluster, {})
      })
    },
    async 'no address is leaked when agents are killed under pods that come and go'(cluster, namespace) {
      const nodes = on(cluster)
      for (let round = 0; round < 3; round++) {
        await apply(cluster, ...nodes.map((node) => deploymentObject(`churn-${node}`, namespace, 8, { node })))
        for (const node of nodes) await killAgent(cluster, node)
        if (round < 2) await kubectl(cluster, ['delete', 'deployment', '-n', namespace, '--all', '--wait=false'])
      }
      for (const node of nodes)
        await kubectl(cluster, ['rollout', 'status', '-n', namespace, `deployment/churn-${node}`, '--timeout=90s'], { timeout: 100_000 })
      await noLeakedAddresses(cluster, nodes)
      await kubectl(cluster, ['delete', 'deployment', '-n', namespace, '--all'])
      await noLeakedAddresses(cluster, nodes, 60)
    },
    async 'podwire verify passes on every node afterwards'(cluster) {
      await rolledOut(cluster)
      for (const node of on(cluster)) await eventually(20, () => podwireOn(cluster, node, 'verify'))
    },
  },
}

/** Requests over every path while `work` is done, and as long as it takes to have made enough of them. */
async function underLoad(cluster: Cluster, namespace: string, work: () => Promise<void>): Promise<void> {
  const pods = await loadPods(cluster, namespace)
  const outside = await startOutsideServer(cluster)
  const targets = pods.map(({ ips: [ip = ''] }) => urlOf(ip, 8080))
  const [service = ''] = await serviceAddresses(cluster, namespace, 'load')
  const loads = pods.flatMap((pod, index) => [
    // To the next pod of the round, so that every path is used; to all of them by their Service, and to the outside.
    startLoad(cluster, pod, targets[(index + 1) % targets.length] ?? '', 10),
    startLoad(cluster, pod, urlOf(service, 80), 20),
    startLoad(cluster, pod, outside.url(cluster.outsideAddresses[0] ?? ''), 20),
  ])
  const start = performance.now()
  try {
    await work()
    const least = 20_000 - (performance.now() - start)
    if (least > 0) await new Promise((done) => setTimeout(done, least))
  } finally {
    const results = await Promise.all(loads.map((load) => load.finish()))
    await outside.stop()
    const sent = results.reduce((sum, result) => sum + result.sent, 0)
    const lost = results.reduce((sum, result) => sum + result.lost, 0)
    note(`${sent} requests, ${lost} lost, in ${((performance.now() - start) / 1000).toFixed(0)} s`)
    assert.equal(
      lost,
      0,
      results
        .flatMap(({ errors }) => errors)
        .slice(0, 5)
        .join('\n'),
    )
    assert.ok(sent >= 10_000, `only ${sent} requests were made`)
  }
}

async function loadPods(cluster: Cluster, namespace: string): Promise<Pod[]> {
  await apply(cluster, serviceObject('load', namespace, 'load'))
  const pods = await Promise.all(
    on(cluster).map((node) => createPod(cluster, namespace, `load-${node}`, { node, labels: { app: 'load' } })),
  )
  const [service = ''] = await serviceAddresses(cluster, namespace, 'load')
  // kube-proxy takes its time with a new Service.
  for (const pod of pods)
    await eventually(10, () => kubectl(cluster, ['exec', '-n', namespace, pod.name, '--', 'probe', 'get', urlOf(service, 80)]))
  return pods
}
