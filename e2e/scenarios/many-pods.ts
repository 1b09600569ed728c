// As many pods as a node takes, at once: how long, how much CPU, and compared with pods on the host's network.

import assert from 'node:assert/strict'
import { on } from '../kubernetes.ts'
import { type Cost, disperse, gather } from '../pod-batch.ts'
import { listPods } from '../pods.ts'
import { noLeakedAddresses } from '../podwire.ts'
import { note, type Scenario } from '../scenario.ts'

const count = 100

export const scenario: Scenario = {
  clusters: [{}],
  fresh: true,
  alone: true,
  checks: {
    async [`${count} pods on one node become Ready, each with an address of its own`](cluster, namespace) {
      const node = on(cluster)[1] ?? ''
      const figures = new Map<string, Cost>()
      for (const hostNetwork of [true, false]) {
        const name = hostNetwork ? 'host-network' : 'pod-network'
        const cost = await gather(cluster, { name, namespace, count, node, hostNetwork })
        note(`${count} pods, ${name}: Ready in ${cost.seconds.toFixed(1)} s, ${cost.cpu.toFixed(1)} s of CPU in the whole cluster`)
        figures.set(name, cost)
        const pods = await listPods(cluster, namespace, `app=${name}`)
        if (!hostNetwork) assert.equal(new Set(pods.flatMap(({ ips }) => ips)).size, count)
        await disperse(cluster, { name, namespace })
      }
      const [host, own] = [figures.get('host-network'), figures.get('pod-network')]
      assert.ok(host && own)
      note(
        `podwire needs ${(own.seconds / host.seconds).toFixed(2)} × the time and ${(own.cpu - host.cpu).toFixed(1)} s more CPU than no network`,
      )
    },
    async 'no address is leaked when those pods are deleted'(cluster) {
      await noLeakedAddresses(cluster, on(cluster), 60)
    },
  },
}
