// A cluster made ready for Kubernetes' tests: podwire, DNS, and every image that pods will ask for on every node.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { routeToPods } from '../cluster/pod-routes.ts'
import { ensureDns } from '../dns.ts'
import type { Cluster } from '../driver.ts'
import { nodesReady } from '../kubernetes.ts'
import { podwire } from '../podwire.ts'

/** `images` is the folder of images.sh. */
export async function prepare(cluster: Cluster, images: string): Promise<void> {
  await podwire.install(cluster, {})
  await nodesReady(cluster)
  await ensureDns(cluster)
  if (cluster.kind === 'namespaces') await routeToPods(cluster)
  for (const archive of readdirSync(images).sort()) await cluster.loadImage(join(images, archive))
}
