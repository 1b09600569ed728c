// The API server goes away for a while; nodes do without.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { apply, getAll, kubectl, nodesReady, on } from '../kubernetes.ts'
import { createPod, inPodNetwork, podObject, urlOf, waitReady } from '../pods.ts'
import { killAgent, noLeakedAddresses, podwireOn, rolledOut } from '../podwire.ts'
import { eventually, note, type Scenario } from '../scenario.ts'

const awaySeconds = 120

export const scenario: Scenario = {
  clusters: [{}],
  fresh: true,
  checks: {
    async [`pods are served and removed while the API server is away for ${awaySeconds} s and agents restart`](cluster, namespace) {
      const pods = await Promise.all(on(cluster).map((node) => createPod(cluster, namespace, `steady-${node}`, { node })))
      await apply(cluster, ...on(cluster).map((node) => podObject(`leaving-${node}`, namespace, { node })))
      for (const node of on(cluster)) await waitReady(cluster, namespace, `leaving-${node}`)
      await kubectl(cluster, ['delete', 'pod', '-n', namespace, '--wait=false', ...on(cluster).map((node) => `leaving-${node}`)])
      await cluster.stopApi()
      const end = performance.now() + awaySeconds * 1000
      let back = ''
      try {
        for (const node of on(cluster)) await killAgent(cluster, node)
        while (performance.now() < end) {
          for (const from of pods)
            for (const to of pods) {
              const [ip = ''] = to.ips
              assert.match(await inPodNetwork(cluster, from, ['curl', '-sS', '-g', '-m', '3', urlOf(ip, 8080)]), new RegExp(`^${to.name} `))
            }
          await sleep(5000)
        }
      } finally {
        back = new Date().toISOString()
        await cluster.startApi()
      }
      // Kubelets come back one by one, and what the API server says of a node until then is of before.
      await eventually(120, async () => {
        const leases = await getAll(cluster, 'leases', '-n', 'kube-node-lease')
        const silent = leases.filter(({ spec }) => spec.renewTime < back).map(({ metadata }) => metadata.name)
        assert.deepEqual(silent, [])
      })
      const since = () => `${((performance.now() - end) / 1000).toFixed(0)} s`
      note(`kubelets are back after ${since()}`)
      await nodesReady(cluster)
      await rolledOut(cluster)
      await noLeakedAddresses(cluster, on(cluster), 60)
      await apply(cluster, podObject('after-outage', namespace, { node: pods[0]?.node ?? '' }))
      await waitReady(cluster, namespace, 'after-outage', 90)
      note(`new pods start after ${since()}`)
      for (const node of on(cluster)) await eventually(20, () => podwireOn(cluster, node, 'verify'))
    },
  },
}
