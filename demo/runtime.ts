// What a container runtime does with the conflist, as little of it as shows: `node runtime.ts add|del CONTAINER NETNS` runs its plugins in order.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const [verb = '', container = '', netns = ''] = process.argv.slice(2)
const list = JSON.parse(readFileSync('/etc/cni/net.d/10-podwire.conflist', 'utf8'))
const plugins = verb === 'del' ? list.plugins.toReversed() : list.plugins
let prevResult: unknown
for (const plugin of plugins) {
  const config = { ...plugin, name: list.name, cniVersion: list.cniVersion, ...(prevResult ? { prevResult } : {}) }
  const { status, stdout } = spawnSync(`/opt/cni/bin/${plugin.type}`, [], {
    input: JSON.stringify(config),
    stdio: ['pipe', 'pipe', 'inherit'],
    encoding: 'utf8',
    env: {
      CNI_COMMAND: verb.toUpperCase(),
      CNI_CONTAINERID: container,
      CNI_NETNS: netns,
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/opt/cni/bin',
      CNI_ARGS: `K8S_POD_NAMESPACE=demo;K8S_POD_NAME=${container}`,
    },
  })
  process.stdout.write(stdout)
  if (status !== 0) process.exit(1)
  prevResult = verb === 'add' ? JSON.parse(stdout) : undefined
}
