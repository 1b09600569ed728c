// critest, the CRI's own validation suite, on containerd with our conflists: every spec of its that touches the network.

import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { type Host, pluginPath } from '../harness/netns.ts'
import { nodePaths, pathArgs, program } from '../harness/node-files.ts'
import { describeClient, noProgramReason, noRuntimeReason } from './available.ts'
import { noStaticBusyboxReason } from './busybox-image.ts'
import { containerds, startCri } from './cri.ts'
import { runCritest, specTitles } from './critest.ts'
import { withOwnMachine } from './own-machine.ts'

const focus = [
  'Networking',
  'Streaming',
  'HostNetwork',
  'runtime should support basic operations on PodSandbox',
  'runtime should support sysctls',
  'Multiple Containers',
  'runtime conditions',
].join('|')

const subnets = ['10.9.0.0/24', 'fd09::/64']

/** As it is published on a node of a cluster with these pod CIDRs, by the installer and the command that the agent runs. */
const published =
  (...options: string[]) =>
  async (host: Host) => {
    const paths = nodePaths(host.dir)
    const podwire = (verbs: string[], stdin = '') => host.exec(program, [...verbs, ...pathArgs(paths)], { stdin })
    expect(await podwire(['install', ...options])).toMatchObject({ status: 0 })
    expect(await podwire(['node', 'publish'], JSON.stringify({ protocol: 1, podCidrs: subnets }))).toMatchObject({ status: 0 })
    return paths
  }

/** As for the reference plugins. */
const chained = (backend: string) => async (host: Host) => {
  const confDir = join(host.dir, 'conf')
  mkdirSync(confDir)
  const ipam = { type: 'host-local', ranges: subnets.map((subnet) => [{ subnet }]), routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] }
  const plugins = [
    { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: true, ipMasqBackend: backend, hairpinMode: true, ipam },
    { type: 'portmap', backend, capabilities: { portMappings: true } },
    { type: 'bandwidth', capabilities: { bandwidth: true } },
  ]
  writeFileSync(join(confDir, '10-net.conflist'), JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins }))
  return { confDir, binDir: pluginPath }
}

const networks = [
  { network: 'the published conflist', publish: published() },
  { network: 'the published conflist with datapath bridge', publish: published('--datapath', 'bridge') },
  { network: 'bridge and portmap by iptables', publish: chained('iptables') },
  { network: 'bridge and portmap by nftables', publish: chained('nftables') },
]

const missing = noRuntimeReason('critest') ?? noProgramReason('containerd', 'runc', 'busybox') ?? noStaticBusyboxReason()
const titles = missing === undefined ? specTitles(focus) : []
const turns = containerds().flatMap((containerd) => networks.map((one) => ({ containerd, version: containerd.version, ...one })))

describeClient('critest', missing, () => {
  it('has specs of the network', () => {
    expect(titles.length).toBeGreaterThanOrEqual(15)
    expect(titles.filter((title) => title.includes('port mapping')).length).toBeGreaterThanOrEqual(2)
  })

  it.for(turns)('passes on containerd $version with $network', { timeout: 600_000 }, async ({ containerd, publish }, { skip, expect }) => {
    if (noWatchers()) skip('all inotify instances of this machine are in use (fs.inotify.max_user_instances), and CRI wants one')
    await withOwnMachine(async (host, startDaemon) => {
      const socket = await startCri(host, startDaemon, { containerd, ...(await publish(host)) })
      const specs = await runCritest(host, socket, focus)
      expect(specs.map(({ title }) => title).sort()).toEqual(titles.toSorted())
      const others = specs.filter(({ state }) => state !== 'passed').map(({ title, state, message }) => `${title}: ${state}: ${message}`)
      expect(others.join('\n')).toBe('')
      await vi.waitUntil(async () => (await host.run('ip', '-o', 'link', 'show', 'type', 'veth')) === '', 10_000)
    })
  })
})

/** In a process of its own: one that watches a file already has its instance. */
const noWatchers = () => spawnSync(process.execPath, ['-e', "require('node:fs').watch('/').close()"]).status !== 0
