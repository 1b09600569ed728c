// The way from the control plane's machine to pods, which is no node here: Kubernetes wants it where the API server is asked to pass requests on to pods.

import { succeeded } from '../command.ts'
import type { Cluster } from '../driver.ts'
import { on } from '../kubernetes.ts'
import { podCidrsOf } from '../podwire.ts'
import * as addresses from './addresses.ts'

/** Routes to each node's pods: by the node itself where it is on the control plane's link, otherwise by the router, as a cloud's route table has them. */
export async function routeToPods(cluster: Cluster): Promise<void> {
  for (const node of on(cluster)) {
    const behindRouter = addresses.segmentOf(cluster.options, node) !== 0
    for (const cidr of await podCidrsOf(cluster, node)) {
      const via = cluster.addresses(node).find((address) => address.includes(':') === cidr.includes(':')) ?? ''
      const route = ['ip', 'route', 'replace', cidr, 'via', via]
      succeeded(await (behindRouter ? cluster.outside(route) : cluster.inNode(addresses.controlPlane, route)), route.join(' '))
    }
  }
}
