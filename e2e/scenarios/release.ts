// What a user does who has none of the sources: a release in a registry, installed by digest. Nothing is loaded on the nodes before.

import assert from 'node:assert/strict'
import type { Cluster } from '../driver.ts'
import { getAll, nodesReady, on } from '../kubernetes.ts'
import { usePodNetwork } from '../pods.ts'
import { agentObjects, installChartOf, missing } from '../podwire.ts'
import { publishRelease, startRegistry } from '../registry.ts'
import { type Scenario, Skip } from '../scenario.ts'

export const scenario: Scenario = {
  clusters: [{}, { families: 'dual', runtime: 1 }],
  install: false,
  fresh: true,
  checks: {
    async 'a release in a registry is installed by digest, and each node pulls the image from there'(cluster, namespace) {
      const reason = missing()
      if (reason !== undefined) throw new Skip(reason)
      assert.deepEqual(await imagesOnNodes(cluster), [], 'nodes have the image before')
      const registry = await startRegistry(cluster)
      try {
        const { image, chart } = await publishRelease(cluster, registry)
        await installChartOf(cluster, `oci://${chart}`, {}, '--plain-http')
        await nodesReady(cluster)
        for (const { spec, status } of await agentObjects(cluster)) {
          assert.equal(spec.containers[0].image, image)
          assert.equal(status.containerStatuses[0].imageID, image)
        }
        // Its configuration and three layers.
        for (const node of on(cluster))
          assert.equal(registry.fetches(node, /\/podwire\/podwire\/blobs\/sha256:/), 4, `blobs that ${node} fetched`)
        await usePodNetwork(cluster, namespace)
      } finally {
        await registry.stop()
      }
    },
  },
}

/** The references under which a node has the product's image. */
async function imagesOnNodes(cluster: Cluster): Promise<string[]> {
  const nodes = await getAll(cluster, 'nodes')
  const images: { readonly names?: readonly string[] }[] = nodes.flatMap(({ status }) => status.images ?? [])
  return images.flatMap(({ names = [] }) => names.filter((name) => name.includes('/podwire')))
}
