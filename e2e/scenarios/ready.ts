// From nothing to nodes that take pods: a node says that it is Ready when it can serve pods, and not before.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { apply, getAll, nodesReady, on, readyNodes } from '../kubernetes.ts'
import { fetchFrom, podObject, urlOf, waitReady } from '../pods.ts'
import { archive, installChart, podwire, release } from '../podwire.ts'
import { note, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  clusters: [{}, { runtime: 1 }],
  install: false,
  fresh: true,
  alone: true,
  checks: {
    async 'pods that wait for the network start by themselves, and none fails, when podwire is installed'(cluster, namespace) {
      await apply(cluster, ...on(cluster).map((node) => podObject(`early-${node}`, namespace, { node })))
      assert.deepEqual(await readyNodes(cluster), [])
      await cluster.loadImage(archive)
      const start = performance.now()
      const installed = installChart(cluster)
      await nodesReady(cluster)
      const since = () => `${((performance.now() - start) / 1000).toFixed(1)} s`
      note(`helm install → all nodes Ready: ${since()}`)
      await installed
      note(`→ all agents Ready: ${since()}`)
      const pods = await Promise.all(on(cluster).map((node) => waitReady(cluster, namespace, `early-${node}`)))
      note(`→ all waiting pods Ready: ${since()}`)
      for (const from of pods) for (const to of pods) await fetchFrom(cluster, from, urlOf(to.ips[0] ?? '', 8080))
    },
    async 'no sandbox failed while the nodes were Ready'(cluster, namespace) {
      const events = await getAll(cluster, 'events', '-n', namespace, '--field-selector', 'reason=FailedCreatePodSandBox')
      assert.deepEqual(events, [])
    },
    async 'installing podwire again restarts nothing'(cluster) {
      const [before] = await getAll(cluster, 'daemonset', '-n', 'kube-system', release)
      await podwire.install(cluster, {})
      await sleep(1000)
      const [after] = await getAll(cluster, 'daemonset', '-n', 'kube-system', release)
      assert.deepEqual(after?.spec, before?.spec)
    },
  },
}
