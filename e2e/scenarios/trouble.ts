// What is wrong is said where one looks, and only the node that it concerns suffers.

import assert from 'node:assert/strict'
import { succeeded } from '../command.ts'
import type { Cluster } from '../driver.ts'
import { getAll, nodesReady, on, readyNodes } from '../kubernetes.ts'
import { archive, chart, namespace as ours, podwire, release, uninstallChart } from '../podwire.ts'
import { eventually, type Scenario, type Values } from '../scenario.ts'

export const scenario: Scenario = {
  clusters: [{}],
  install: false,
  fresh: true,
  checks: {
    async 'a value that does not exist is rejected with its name'(cluster) {
      const { status, stderr } = await upgrade(cluster, { masquerade: { enable: true } })
      assert.notEqual(status, 0)
      assert.match(stderr, /enable/)
    },
    async 'missing permissions are reported by the agent, which keeps trying'(cluster) {
      await cluster.loadImage(archive)
      await install(cluster, { rbac: { create: false }, uninstall: { enabled: false }, tests: { enabled: false } })
      await said(cluster, on(cluster), /forbidden/i)
      assert.deepEqual(await readyNodes(cluster), [])
      await mended(cluster)
    },
    async 'a missing capability is reported by its name'(cluster) {
      await install(cluster, { securityContext: { capabilities: { drop: ['ALL'], add: [] } } })
      await said(cluster, [], /EPERM|not permitted|NET_ADMIN/)
      await mended(cluster)
    },
    async "a preset of another distribution is reported in the pod's events"(cluster) {
      await install(cluster, { preset: 'k3s' })
      await said(cluster, [], /rancher\/k3s/)
      await mended(cluster)
    },
    async 'a node whose directory is read-only reports it, and the others keep working'(cluster) {
      const [broken = '', ...others] = on(cluster)
      await uninstallChart(cluster)
      await cluster.inNode(broken, ['sh', '-c', 'mount --bind /opt/cni/bin /opt/cni/bin && mount -o remount,bind,ro /opt/cni/bin'])
      await install(cluster, {})
      await nodesReady(cluster, others)
      await said(cluster, [broken], /read-only|EROFS/i)
      await cluster.inNode(broken, ['umount', '/opt/cni/bin'])
      await mended(cluster)
    },
  },
}

const upgrade = (cluster: Cluster, values: Values) =>
  cluster.helm(['upgrade', '--install', release, chart, '-n', ours, '--reset-values', '--values', '-'], { stdin: JSON.stringify(values) })

async function install(cluster: Cluster, values: Values): Promise<void> {
  succeeded(await upgrade(cluster, values), 'helm upgrade')
}

/** Waits until the logs, states or events of the agents' pods on each of these nodes say it, or on any node where none is given. */
async function said(cluster: Cluster, nodes: readonly string[], pattern: RegExp): Promise<void> {
  await eventually(60, async () => {
    const pods = await getAll(cluster, 'pods', '-n', ours, '-l', 'app.kubernetes.io/component=agent')
    const wordsOn = async (node: string) => {
      const here = pods.filter(({ spec }) => node === '' || spec.nodeName === node)
      return (await Promise.all(here.map((pod) => wordsOf(cluster, pod.metadata.name, pod.status)))).join('\n')
    }
    for (const node of nodes.length > 0 ? nodes : ['']) {
      const words = await wordsOn(node)
      assert.ok(
        pattern.test(words),
        `no log or event ${node && `of ${node} `}has ${pattern}, but\n${words.trim().split('\n').slice(-15).join('\n')}`,
      )
    }
  })
}

async function wordsOf(cluster: Cluster, pod: string, status: unknown): Promise<string> {
  const [logs, events] = await Promise.all([
    cluster.kubectl(['logs', '-n', ours, pod, '--all-containers', '--tail=20']),
    cluster.kubectl(['get', 'events', '-n', ours, '--field-selector', `involvedObject.name=${pod}`, '-o', 'custom-columns=M:.message']),
  ])
  return [logs.stdout, events.stdout, JSON.stringify(status)].join('\n')
}

async function mended(cluster: Cluster): Promise<void> {
  // Pods that wait in back-off would make the DaemonSet wait, too.
  await install(cluster, {})
  await cluster.kubectl(['delete', 'pod', '-n', ours, '-l', 'app.kubernetes.io/component=agent', '--grace-period=1'])
  await podwire.install(cluster, {})
  await nodesReady(cluster)
}
