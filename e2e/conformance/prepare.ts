// A cluster made ready for Kubernetes' tests: podwire, DNS, and every image that pods will ask for on every node.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { routeToPods } from '../cluster/pod-routes.ts'
import { ensureDns } from '../dns.ts'
import type { Cluster } from '../driver.ts'
import { kubectl, nodesReady, on } from '../kubernetes.ts'
import { podwire } from '../podwire.ts'

/** `images` is the folder of images.sh. */
export async function prepare(cluster: Cluster, images: string): Promise<void> {
  await podwire.install(cluster, {})
  await nodesReady(cluster)
  await ensureDns(cluster)
  if (cluster.kind === 'namespaces') await routeToPods(cluster)
  await nameZones(cluster)
  for (const archive of readdirSync(images).sort()) await cluster.loadImage(join(images, archive))
}

/** Three zones, which the tests of topology hints and of traffic distribution look for. */
async function nameZones(cluster: Cluster): Promise<void> {
  for (const [index, node] of on(cluster).entries())
    await kubectl(cluster, ['label', '--overwrite', 'node', node, `topology.kubernetes.io/zone=zone-${(index % 3) + 1}`])
}
