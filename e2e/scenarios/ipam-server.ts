// The agent's IPAM server: pools and addresses by annotation, addresses that come back, an agent that is away, and a pool that is full.

import assert from 'node:assert/strict'
import { succeeded } from '../command.ts'
import type { Cluster } from '../driver.ts'
import { apply, get, kubectl, on, readyNodes } from '../kubernetes.ts'
import { createPod, deletePods, podObject, podSpec, usePodNetwork, waitReady } from '../pods.ts'
import { leases, noLeakedAddresses, namespace as ours, podCidrsOf, podwireOn, release } from '../podwire.ts'
import { eventually, type Scenario } from '../scenario.ts'

const pools = [{ name: 'ingress', from: 16, to: 18 }]

/** The `n`th address of the node's IPv4 podCIDR, which ends with .0/24 in these clusters. */
async function nth(cluster: Cluster, node: string, n: number): Promise<string> {
  const cidrs = await podCidrsOf(cluster, node)
  const [network = ''] = (cidrs.find((cidr) => cidr.includes('.')) ?? '').split('/')
  return network.replace(/\d+$/, String(n))
}

const ofPool = (pool: string) => ({ 'podwire.dev/pool': pool })

export const scenario: Scenario = {
  clusters: [{ families: 'dual', nodes: 2 }],
  install: { ipamServer: { enabled: true, pools } },
  fresh: true,
  checks: {
    async 'pods have addresses of the server and reach each other, and podwire verify finds nothing wrong'(cluster, namespace) {
      await usePodNetwork(cluster, namespace)
      for (const node of on(cluster)) {
        const conflist = succeeded(await cluster.inNode(node, ['cat', '/etc/cni/net.d/10-podwire.conflist']), 'the conflist')
        assert.equal(JSON.parse(conflist).plugins[0].ipam.type, 'rpc')
        await eventually(40, () => podwireOn(cluster, node, 'verify'))
      }
      await noLeakedAddresses(cluster, on(cluster))
    },
    async 'annotations of a pod and of its namespace select the pool, and a pod its addresses'(cluster, namespace) {
      const [node = ''] = on(cluster)
      const own = await createPod(cluster, namespace, 'of-pool', { node, annotations: ofPool('ingress') })
      assert.ok(
        [16, 17, 18].some((n) => own.ips.some((ip) => ip.endsWith(`.${n}`))),
        own.ips.join(' '),
      )
      const fixed = await nth(cluster, node, 77)
      const pod = await createPod(cluster, namespace, 'fixed', { node, annotations: { 'podwire.dev/ips': fixed } })
      assert.ok(pod.ips.includes(fixed), pod.ips.join(' '))
      await kubectl(cluster, ['annotate', 'namespace', namespace, 'podwire.dev/pool=ingress'])
      const inherited = await createPod(cluster, namespace, 'inherited', { node })
      await kubectl(cluster, ['annotate', 'namespace', namespace, 'podwire.dev/pool-'])
      assert.ok(
        [16, 17, 18].some((n) => inherited.ips.some((ip) => ip.endsWith(`.${n}`))),
        inherited.ips.join(' '),
      )
      await deletePods(cluster, namespace, 'of-pool', 'fixed', 'inherited')
    },
    async "a StatefulSet's pod has its addresses again when it is replaced"(cluster, namespace) {
      const [node = ''] = on(cluster)
      const template = { metadata: { labels: { app: 'db' } }, spec: podSpec({ node }) }
      const spec = { serviceName: 'db', replicas: 1, selector: { matchLabels: { app: 'db' } }, template }
      await apply(cluster, { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace }, spec })
      await eventually(20, () => get(cluster, 'pod', '-n', namespace, 'db-0'))
      const first = await waitReady(cluster, namespace, 'db-0')
      const { uid } = (await get(cluster, 'pod', '-n', namespace, 'db-0')).metadata
      await deletePods(cluster, namespace, 'db-0')
      for (const name of ['x1', 'x2', 'x3']) await createPod(cluster, namespace, name, { node })
      const second = await eventually(30, async () => {
        assert.notEqual((await get(cluster, 'pod', '-n', namespace, 'db-0')).metadata.uid, uid)
        return await waitReady(cluster, namespace, 'db-0')
      })
      assert.deepEqual(second.ips, first.ips)
      await kubectl(cluster, ['delete', 'statefulset', '-n', namespace, 'db'])
      await deletePods(cluster, namespace, 'db-0', 'x1', 'x2', 'x3')
    },
    async 'a full pool keeps its next pod waiting with the reason in its events, and the node Ready'(cluster, namespace) {
      const [node = ''] = on(cluster)
      const names = ['p1', 'p2', 'p3']
      for (const name of names) await createPod(cluster, namespace, name, { node, annotations: ofPool('ingress') })
      await apply(cluster, podObject('late', namespace, { node, annotations: ofPool('ingress') }))
      await eventually(30, async () => {
        const events = await kubectl(cluster, [
          'get',
          'events',
          '-n',
          namespace,
          '--field-selector',
          'involvedObject.name=late',
          '-o',
          'json',
        ])
        assert.match(events, /no IP addresses available in range set/)
      })
      assert.ok((await readyNodes(cluster)).includes(node))
      await deletePods(cluster, namespace, 'p1')
      await waitReady(cluster, namespace, 'late', 60)
      await deletePods(cluster, namespace, 'late', ...names)
    },
    async 'pods are deleted while the agent is away, their addresses are free when it is back, and a new pod waits for it'(
      cluster,
      namespace,
    ) {
      const [node = ''] = on(cluster)
      await createPod(cluster, namespace, 'leaves', { node })
      await noLeakedAddresses(cluster, [node])
      // Nothing that runs can have this label: the agents are gone until it is taken away.
      const nowhere = (value: string) =>
        kubectl(cluster, [
          'patch',
          '-n',
          ours,
          `daemonset/${release}`,
          '-p',
          `{"spec":{"template":{"spec":{"nodeSelector":{"podwire.test/none":${value}}}}}}`,
        ])
      await nowhere('"x"')
      await eventually(60, async () => {
        const { stdout } = await cluster.inNode(node, ['sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'])
        assert.doesNotMatch(stdout, /podwire-agent\.mjs/)
      })
      await deletePods(cluster, namespace, 'leaves')
      assert.equal((await leases(cluster, node)).length, 2)
      await apply(cluster, podObject('waits', namespace, { node }))
      await nowhere('null')
      await waitReady(cluster, namespace, 'waits', 90)
      await noLeakedAddresses(cluster, on(cluster), 90)
      await deletePods(cluster, namespace, 'waits')
      await noLeakedAddresses(cluster, on(cluster))
    },
  },
}
