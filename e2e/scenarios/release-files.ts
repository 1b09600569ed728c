// The files of a release where no node reaches a registry: the archive is loaded on each node, and then the chart's archive or the manifests.
// Not on nodes that have pulled the image before: a kubelet of 1.35 or later then does not take it under another name without asking there.

import assert from 'node:assert/strict'
import type { Cluster } from '../driver.ts'
import { kubectl, nodesReady } from '../kubernetes.ts'
import { usePodNetwork } from '../pods.ts'
import { agentObjects, installChartOf, missing, uninstallChart } from '../podwire.ts'
import { makeRelease, type Release } from '../registry.ts'
import { type Scenario, Skip } from '../scenario.ts'

export const scenario: Scenario = {
  clusters: [{}],
  install: false,
  checks: {
    'the chart of a registry runs the image that was loaded when its values say so': (cluster, namespace) =>
      withRelease(cluster, 'registry.example.org', async ({ file }) => {
        await installChartOf(cluster, file(/^podwire-\d.*\.tgz$/), { image: { registry: 'localhost', digest: '' } })
        await nodesReady(cluster)
        for (const { spec } of await agentObjects(cluster)) assert.match(spec.containers[0].image, /^localhost\/podwire:\d/)
        await usePodNetwork(cluster, namespace)
        await uninstallChart(cluster)
      }),
    'the manifests install and uninstall without Helm': (cluster, namespace) =>
      withRelease(cluster, '', async ({ file }) => {
        const [install, uninstall] = [file(/^podwire\.yaml$/), file(/^podwire-uninstall\.yaml$/)]
        await kubectl(cluster, ['apply', '-f', install])
        await kubectl(cluster, ['-n', 'podwire', 'rollout', 'status', 'ds/podwire', '--timeout=60s'], { timeout: 70_000 })
        await nodesReady(cluster)
        await usePodNetwork(cluster, namespace)
        await kubectl(cluster, ['apply', '-f', uninstall])
        await kubectl(cluster, ['-n', 'podwire', 'wait', 'job/podwire-uninstall', '--for=condition=Complete', '--timeout=60s'], {
          timeout: 70_000,
        })
        await kubectl(cluster, ['delete', '-f', uninstall, '-f', install, '--ignore-not-found'], { timeout: 90_000 })
      }),
  },
}

/** `work` with a release for HOST/PATH, or for no registry, whose image is on the nodes. */
async function withRelease(cluster: Cluster, place: string, work: (release: Release) => Promise<void>): Promise<void> {
  const reason = missing()
  if (reason !== undefined) throw new Skip(reason)
  const release = await makeRelease(place)
  try {
    await cluster.loadImage(release.file(/^podwire-image-.*\.tar$/))
    await work(release)
  } finally {
    release.remove()
  }
}
