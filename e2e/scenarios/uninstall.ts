// helm uninstall leaves a node as it was before, whatever had happened in between; and podwire can come back.

import assert from 'node:assert/strict'
import { stopDns } from '../dns.ts'
import type { Cluster } from '../driver.ts'
import { nodesReady, on } from '../kubernetes.ts'
import { compareNodeStates, type NodeState, readNodeState } from '../node-state.ts'
import { usePodNetwork } from '../pods.ts'
import { podwire, podwireOn, uninstallChart } from '../podwire.ts'
import { eventually, type Scenario, type Values } from '../scenario.ts'

const foreign = JSON.stringify({ cniVersion: '1.0.0', name: 'other', plugins: [{ type: 'other' }] })

export const scenario: Scenario = {
  clusters: [{ families: 'dual' }, { families: 'dual', proxy: 'iptables', runtime: 1 }],
  install: false,
  fresh: true,
  checks: {
    'nothing is left on any node after install, use and uninstall': (cluster, namespace) => roundTrip(cluster, namespace, {}),
    'nothing is left after an uninstall of the bridge datapath, of VXLAN everywhere and of other ports': (cluster, namespace) =>
      roundTrip(cluster, namespace, { cni: { datapath: 'bridge' }, routing: { mode: 'vxlan', port: 4789 } }),
    async "another network's configuration that comes first is moved away, and restored by the uninstall"(cluster, namespace) {
      for (const node of on(cluster)) await cluster.inNode(node, ['sh', '-c', `printf %s '${foreign}' >/etc/cni/net.d/05-other.conflist`])
      await roundTrip(cluster, namespace, { cni: { others: 'backup' } })
      for (const node of on(cluster)) {
        assert.equal((await cluster.inNode(node, ['cat', '/etc/cni/net.d/05-other.conflist'])).stdout, foreign)
        await cluster.inNode(node, ['rm', '/etc/cni/net.d/05-other.conflist'])
      }
    },
    async 'podwire can be installed again after an uninstall'(cluster, namespace) {
      await podwire.install(cluster, {})
      await usePodNetwork(cluster, namespace)
      for (const node of on(cluster)) await eventually(10, () => podwireOn(cluster, node, 'verify'))
    },
  },
}

async function roundTrip(cluster: Cluster, namespace: string, values: Values): Promise<void> {
  await stopDns(cluster)
  const before = await states(cluster)
  await podwire.install(cluster, values)
  await nodesReady(cluster)
  await usePodNetwork(cluster, namespace)
  await uninstallChart(cluster)
  // The kernel and the kubelet finish what they have begun.
  await eventually(15, async () => {
    const after = await states(cluster)
    for (const node of on(cluster)) {
      const [old, now] = [before.get(node), after.get(node)]
      assert.ok(old && now)
      const left = compareNodeStates(old, now)
      assert.equal(left.length, 0, `${node} is not as it was:\n${left.slice(0, 20).join('\n')}`)
    }
  })
}

async function states(cluster: Cluster): Promise<Map<string, NodeState>> {
  const read = on(cluster).map(async (node): Promise<[string, NodeState]> => [node, await readNodeState(cluster, node)])
  return new Map(await Promise.all(read))
}
