// A cluster before anything gave it a network for pods: what the harness itself promises.

import assert from 'node:assert/strict'
import { inUrl } from '../cluster/addresses.ts'
import { condition, get, getAll, on } from '../kubernetes.ts'
import { compareNodeStates, readNodeState } from '../node-state.ts'
import { startOutsideServer } from '../outside.ts'
import { podCidrsOf } from '../podwire.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  clusters: [{}, { families: 'dual', runtime: 1, proxy: 'iptables' }, { families: 'v6' }],
  install: false,
  checks: {
    async 'nodes are registered and not Ready when they have no network for pods'(cluster) {
      for (const node of await getAll(cluster, 'nodes')) {
        assert.equal(condition(node, 'Ready'), 'False', `${node.metadata.name} is Ready`)
        const ready = node.status.conditions.find((one: { readonly type: string }) => one.type === 'Ready')
        assert.match(ready.message, /cni/i)
      }
    },
    async 'nodes have a podCIDR and an InternalIP of each family'(cluster) {
      const families = cluster.options.families === 'dual' ? 2 : 1
      for (const node of on(cluster)) {
        assert.equal((await podCidrsOf(cluster, node)).length, families)
        const { status } = await get(cluster, 'node', node)
        const internal = status.addresses.filter((one: { readonly type: string }) => one.type === 'InternalIP')
        assert.deepEqual(
          internal.map((one: { readonly address: string }) => one.address),
          cluster.addresses(node),
        )
      }
    },
    async 'nodes reach each other and the outside'(cluster) {
      const server = await startOutsideServer(cluster)
      try {
        const kubelets = on(cluster).flatMap((node) => cluster.addresses(node).map((address) => `https://${inUrl(address)}:10250/`))
        for (const node of on(cluster))
          for (const url of [...kubelets, ...cluster.outsideAddresses.map((address) => server.url(address))]) {
            // That it answers is enough: kubelets want to know who asks.
            const { status, stderr } = await cluster.inNode(node, ['curl', '-sSk', '-g', '-o', '/dev/null', '-m', '3', url])
            assert.equal(status, 0, `${node} does not reach ${url}: ${stderr}`)
          }
      } finally {
        await server.stop()
      }
    },
    async 'a node does not change by itself'(cluster) {
      const [node = ''] = on(cluster)
      const before = await readNodeState(cluster, node)
      assert.deepEqual(compareNodeStates(before, await readNodeState(cluster, node)), [])
    },
  },
}
