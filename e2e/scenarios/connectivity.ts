// What a pod network is for: everybody reaches whom Kubernetes says they reach.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../driver.ts'
import { apply, kubectl, on } from '../kubernetes.ts'
import { startOutsideServer } from '../outside.ts'
import {
  askerOf,
  createPod,
  deletePods,
  fetchFrom,
  fetchFromNode,
  fetchOutside,
  inPod,
  type Pod,
  podObject,
  serviceAddresses,
  serviceObject,
  startPortForward,
  urlOf,
  waitReady,
} from '../pods.ts'
import { eventually, forEach, type Scenario } from '../scenario.ts'

const nodePort = 30080

export const scenario: Scenario = {
  clusters: [{}, { families: 'dual', runtime: 1, proxy: 'iptables' }, { families: 'v6' }],
  checks: {
    async 'a pod on every node becomes Ready with an address of each family'(cluster, namespace) {
      await apply(
        cluster,
        ...on(cluster).map((node) => podObject(`web-${node}`, namespace, { node, labels: { app: 'web' } })),
        serviceObject('web', namespace, 'web'),
        serviceObject('web-outside', namespace, 'web', { type: 'NodePort', ports: [{ port: 80, targetPort: 8080, nodePort }] }),
      )
      for (const pod of await webPods(cluster, namespace)) assert.equal(pod.ips.length, cluster.addresses(pod.node).length)
    },
    async 'pods reach each other over every path and are seen with their own addresses'(cluster, namespace) {
      const pods = await webPods(cluster, namespace)
      const pairs = pods.flatMap((from) => pods.flatMap((to) => to.ips.map((ip, family) => ({ from, to, ip, family }))))
      await forEach(pairs, async ({ from, to, ip, family }) => {
        const answer = await fetchFrom(cluster, from, urlOf(ip, 8080))
        assert.equal(answer.split(' ')[0], to.name)
        assert.equal(askerOf(answer), from.ips[family], `${from.node} → ${to.node}`)
      })
    },
    async 'datagrams and large answers pass between nodes'(cluster, namespace) {
      const pods = await webPods(cluster, namespace)
      const [first, last] = [pods[0], pods.at(-1)]
      assert.ok(first && last)
      for (const ip of last.ips) {
        const target = urlOf(ip, 8080).slice('http://'.length, -1)
        assert.match(await inPod(cluster, first, ['probe', 'udp', target]), new RegExp(`^${last.name} `))
        const got = await inPod(cluster, first, ['sh', '-c', `probe get ${urlOf(ip, 8080)}bytes/3000000 | wc -c`])
        assert.equal(got.trim(), '3000000')
      }
    },
    async 'pods and nodes reach a ClusterIP, and all its backends'(cluster, namespace) {
      const pods = await webPods(cluster, namespace)
      for (const address of await serviceAddresses(cluster, namespace, 'web')) {
        const url = urlOf(address, 80)
        for (const pod of pods) await eventually(5, () => fetchFrom(cluster, pod, url))
        for (const node of on(cluster)) await eventually(5, () => fetchFromNode(cluster, node, url))
        const [pod] = pods
        assert.ok(pod)
        const answers = await inPod(cluster, pod, ['sh', '-c', `for i in $(seq 40); do probe get ${url}; done`])
        const backends = new Set(answers.split('\n').flatMap((line) => line.split(' ')[0] || []))
        assert.equal(backends.size, pods.length, `answered by ${[...backends].join(' ')}`)
      }
    },
    async 'pods reach a ClusterIP when kube-proxy has written all of its rules again'(cluster, namespace) {
      // What it does on a node whose zone changes, and each hour.
      for (const node of on(cluster)) await kubectl(cluster, ['label', '--overwrite', 'node', node, 'topology.kubernetes.io/zone=other'])
      await sleep(3000)
      for (const address of await serviceAddresses(cluster, namespace, 'web'))
        for (const pod of await webPods(cluster, namespace)) await fetchFrom(cluster, pod, urlOf(address, 80))
    },
    async 'a pod that is the only backend of a Service reaches itself by it'(cluster, namespace) {
      const [node = ''] = on(cluster)
      await apply(cluster, serviceObject('alone', namespace, 'alone'))
      const pod = await createPod(cluster, namespace, 'alone', { node })
      for (const address of await serviceAddresses(cluster, namespace, 'alone')) {
        assert.match(await eventually(5, () => fetchFrom(cluster, pod, urlOf(address, 80))), /^alone /)
      }
    },
    async 'a NodePort of every node answers to the outside'(cluster) {
      for (const node of on(cluster))
        for (const address of cluster.addresses(node)) {
          assert.match(await eventually(5, () => fetchOutside(cluster, urlOf(address, nodePort))), /^web-/)
        }
    },
    async 'hostPorts answer to the outside, to other nodes and to the own node'(cluster, namespace) {
      const [node = '', other = node] = on(cluster)
      const ports = [
        { containerPort: 8080, hostPort: 8088 },
        { containerPort: 8080, hostPort: 8088, protocol: 'UDP' },
      ]
      await createPod(cluster, namespace, 'host-port', { node, ports })
      const pods = await webPods(cluster, namespace)
      for (const address of cluster.addresses(node)) {
        const url = urlOf(address, 8088)
        assert.match(await eventually(5, () => fetchOutside(cluster, url)), /^host-port /)
        for (const from of [node, other]) assert.match(await fetchFromNode(cluster, from, url), /^host-port /)
        for (const pod of pods) {
          assert.match(await fetchFrom(cluster, pod, url), /^host-port /, `from a pod on ${pod.node}`)
          assert.match(await inPod(cluster, pod, ['probe', 'udp', url.slice('http://'.length, -1)]), /^host-port /)
        }
      }
      await deletePods(cluster, namespace, 'host-port')
      for (const address of cluster.addresses(node)) await assert.rejects(fetchOutside(cluster, urlOf(address, 8088)))
    },
    async 'pods reach the outside with the address of their node'(cluster, namespace) {
      const server = await startOutsideServer(cluster)
      try {
        for (const pod of await webPods(cluster, namespace)) {
          for (const [family, address] of cluster.outsideAddresses.entries()) {
            const asker = await fetchFrom(cluster, pod, server.url(address))
            assert.equal(asker.trim(), cluster.addresses(pod.node)[family], `from ${pod.node}`)
          }
        }
      } finally {
        await server.stop()
      }
    },
    async 'pods reach the API server by its Service'(cluster, namespace) {
      for (const pod of await webPods(cluster, namespace))
        assert.match(await inPod(cluster, pod, ['probe', 'api', '/version']), /gitVersion/)
    },
    async 'kubectl exec, logs and port-forward work on every node'(cluster, namespace) {
      for (const { name, node } of await webPods(cluster, namespace)) {
        const said = await kubectl(cluster, ['exec', '-i', '-n', namespace, name, '--', 'tee', '/proc/1/fd/1'], {
          stdin: `hello ${node}\n`,
        })
        assert.equal(said, `hello ${node}\n`)
        await eventually(5, async () => assert.match(await kubectl(cluster, ['logs', '-n', namespace, name]), new RegExp(`hello ${node}`)))
        const forward = await startPortForward(cluster, namespace, `pod/${name}`, 8080)
        try {
          assert.match(await fetchOutside(cluster, forward.url), new RegExp(`^${name} `))
        } finally {
          await forward.stop()
        }
      }
    },
  },
}

const webPods = (cluster: Cluster, namespace: string): Promise<Pod[]> =>
  Promise.all(on(cluster).map((node) => waitReady(cluster, namespace, `web-${node}`)))
