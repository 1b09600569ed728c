// Nodes leave and join, and what one had goes to another.

import assert from 'node:assert/strict'
import type { Cluster } from '../driver.ts'
import { apply, kubectl, nodesReady } from '../kubernetes.ts'
import { createPod, fetchFrom, urlOf } from '../pods.ts'
import { podCidrsOf, podwireOn, rolledOut } from '../podwire.ts'
import { eventually, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  clusters: [{ off: ['n3'], families: 'dual' }],
  fresh: true,
  checks: {
    async 'the routes to a node go when it is deleted'(cluster, namespace) {
      const cidrs = await podCidrsOf(cluster, 'n2')
      await createPod(cluster, namespace, 'stays', { node: 'n1' })
      assert.deepEqual(await routed(cluster, 'n1', cidrs), cidrs)
      await cluster.powerOff('n2')
      await kubectl(cluster, ['delete', 'node', 'n2'])
      await eventually(10, async () => assert.deepEqual(await routed(cluster, 'n1', cidrs), []))
      remembered = cidrs
    },
    async 'a node behind the router gets the podCIDRs of one that left, and its pods are reached'(cluster, namespace) {
      const [podCIDR, ...rest] = remembered
      const spec = { podCIDR, podCIDRs: [podCIDR, ...rest] }
      await apply(cluster, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n3' }, spec })
      await cluster.powerOn('n3')
      await cluster.loadImage(new URL('../../dist/podwire-image.tar', import.meta.url).pathname)
      await nodesReady(cluster, ['n1', 'n3'], 90)
      await rolledOut(cluster)
      assert.deepEqual(await podCidrsOf(cluster, 'n3'), remembered)
      const [here, there] = [
        await createPod(cluster, namespace, 'here', { node: 'n1' }),
        await createPod(cluster, namespace, 'there', { node: 'n3' }),
      ]
      for (const ip of there.ips) assert.match(await eventually(10, () => fetchFrom(cluster, here, urlOf(ip, 8080))), /^there /)
      for (const ip of here.ips) assert.match(await eventually(10, () => fetchFrom(cluster, there, urlOf(ip, 8080))), /^here /)
      for (const node of ['n1', 'n3']) await eventually(20, () => podwireOn(cluster, node, 'verify'))
    },
  },
}

let remembered: readonly string[] = []

/** Which of the prefixes a node has routes to. */
async function routed(cluster: Cluster, node: string, cidrs: readonly string[]): Promise<string[]> {
  const { stdout } = await cluster.inNode(node, ['sh', '-c', 'ip route; ip -6 route'])
  return cidrs.filter((cidr) => stdout.split('\n').some((line) => line.startsWith(`${cidr} `)))
}
