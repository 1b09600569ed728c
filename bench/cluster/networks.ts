// What gives the measured clusters their network: podwire by its chart, and the Go reference plugins the way a script would set them up.

import { join } from 'node:path'
import { mustRun, succeeded } from '../../e2e/command.ts'
import type { Cluster } from '../../e2e/driver.ts'
import { get, on } from '../../e2e/kubernetes.ts'
import { archive, installChart } from '../../e2e/podwire.ts'
import { goPath } from '../../test/clients/available.ts'

export interface MeasuredNetwork {
  readonly name: 'podwire' | 'go'
  /** What the runtime itself runs; what those run in turn is in their time. */
  readonly plugins: readonly string[]
  /** What a user has done before. */
  prepare(cluster: Cluster): Promise<void>
  install(cluster: Cluster): Promise<void>
}

export const networks: readonly MeasuredNetwork[] = [
  {
    name: 'podwire',
    plugins: ['podwire'],
    prepare: (cluster) => cluster.loadImage(archive),
    install: (cluster) => installChart(cluster),
  },
  {
    name: 'go',
    plugins: ['bridge', 'portmap'],
    async prepare() {},
    async install(cluster) {
      await Promise.all(on(cluster).map((node) => installReference(cluster, node)))
    },
  },
]

/** bridge + host-local + portmap, as kindnet and many a tutorial chain them; routes to other nodes are not needed by pods that only start. */
async function installReference(cluster: Cluster, node: string): Promise<void> {
  const { podCIDR } = (await get(cluster, 'node', node)).spec
  const ipam = { type: 'host-local', ranges: [[{ subnet: podCIDR }]], routes: [{ dst: '0.0.0.0/0' }] }
  const conflist = {
    cniVersion: '1.0.0',
    name: 'reference',
    plugins: [
      { type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, ipMasq: true, ipam },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }
  const script = `
mkdir -p /opt/cni/bin /etc/cni/net.d
for name in bridge host-local portmap loopback; do cp "$1/$name" /opt/cni/bin/; done
cat > /etc/cni/net.d/.draft
mv /etc/cni/net.d/.draft /etc/cni/net.d/10-reference.conflist`
  const { status, stderr } = await cluster.inNode(node, ['sh', '-ec', script, 'sh', goPath], { stdin: JSON.stringify(conflist) })
  if (status !== 0) throw new Error(`the reference plugins on ${node}: ${stderr}`)
}

/** Puts a clock in front of the plugins of a node; what they took is in /run/timed.log from then on. */
export async function timePlugins(cluster: Cluster, node: string, { plugins }: MeasuredNetwork, folder: string): Promise<void> {
  const clock = join(folder, 'timed')
  await mustRun(['cc', '-O2', '-o', clock, new URL('timed.c', import.meta.url).pathname])
  const script = `
clock=$1; shift
cd /opt/cni/bin
mkdir .timed
for name in "$@"; do mv "$name" .timed/; cp "$clock" "$name"; done`
  succeeded(await cluster.inNode(node, ['sh', '-ec', script, 'sh', clock, ...plugins]), `clocks on ${node}`)
}
