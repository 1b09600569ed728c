// GC and STATUS of every plugin as an administrator sees them: through cnitool, ours and libcni's own.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import type { Maker } from '../harness/chained.ts'
import { noChildLinkReason } from '../harness/child-link.ts'
import { putNetwork, runTool, toolContainerId } from '../harness/cnitool.ts'
import { type Host, kernelHasLink, type Pod, withHost } from '../harness/netns.ts'
import { describeClient, noGoReason } from './available.ts'
import { compareStates, observeState } from './observed-state.ts'

const tools: readonly Maker[] = noGoReason('cnitool') === undefined ? ['ours', 'go'] : ['ours']
const done = { status: 0, stdout: '', stderr: '' }

const ipam = { type: 'host-local', ranges: [[{ subnet: '10.9.0.0/24' }], [{ subnet: 'fd09::/64' }]], routes: [{ dst: '0.0.0.0/0' }] }
const small = { type: 'host-local', subnet: '10.9.0.0/30' }
const bridge = { type: 'bridge', bridge: 'cni9', isGateway: true, ipam }
const limits = { ingressRate: 2e7, ingressBurst: 2e6, egressRate: 1e7, egressBurst: 1e6 }
const mapping = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] }
const subnetEnv = 'FLANNEL_NETWORK=10.9.0.0/16\nFLANNEL_SUBNET=10.9.0.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'

interface Subject {
  readonly title: string
  readonly plugins: readonly object[]
  /** Why the kernel cannot; undefined where it can. */
  readonly missing?: string | undefined
}

const behindBridge = (title: string, plugin: object, missing?: string): Subject => ({
  title,
  plugins: [bridge, plugin],
  missing,
})

const subjects: readonly Subject[] = [
  { title: 'bridge with host-local, iptables', plugins: [{ ...bridge, ipMasq: true, ipMasqBackend: 'iptables' }] },
  { title: 'bridge with host-local, nftables', plugins: [{ ...bridge, ipMasq: true, ipMasqBackend: 'nftables' }] },
  { title: 'ptp', plugins: [{ type: 'ptp', ipMasq: true, ipam }] },
  { title: 'podwire', plugins: [{ type: 'podwire', ipam, capabilities: { portMappings: true }, bandwidth: limits }] },
  { title: 'flannel', plugins: [{ type: 'flannel', subnetFile: '/run/subnet.env' }] },
  { title: 'macvlan', plugins: [{ type: 'macvlan', master: 'up0', ipam }], missing: noChildLinkReason('macvlan') },
  { title: 'ipvlan', plugins: [{ type: 'ipvlan', master: 'up0', ipam }], missing: noChildLinkReason('ipvlan') },
  behindBridge('tuning', { type: 'tuning', mtu: 1400, sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': '2' } }),
  behindBridge('bandwidth', { type: 'bandwidth', ...limits }, kernelHasLink('ifb') ? undefined : 'this kernel has no ifb'),
  behindBridge('firewall, iptables', { type: 'firewall', backend: 'iptables' }),
  behindBridge('firewall, nftables', { type: 'firewall', backend: 'nftables' }),
  behindBridge('portmap, iptables', { type: 'portmap', backend: 'iptables', capabilities: { portMappings: true } }),
  behindBridge('portmap, nftables', { type: 'portmap', backend: 'nftables', capabilities: { portMappings: true } }),
  behindBridge('sbr', { type: 'sbr' }),
]

async function prepare(host: Host): Promise<void> {
  writeFileSync(join(host.dir, 'subnet.env'), subnetEnv)
  await host.run('cp', join(host.dir, 'subnet.env'), '/run/subnet.env')
  await host.run('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'far0')
  for (const name of ['up0', 'far0']) await host.run('ip', 'link', 'set', name, 'up')
}

async function observe(host: Host, pod: Pod) {
  const state = await observeState(host, pod, 'net')
  return Object.fromEntries(Object.entries(state).filter(([path]) => !path.startsWith('leases: last_reserved_ip')))
}

const env = (port: number) => ({ CAP_ARGS: JSON.stringify(mapping).replace('8080', `${port}`) })

describeClient('GC through cnitool', undefined, () => {
  for (const { title, plugins, missing } of subjects) {
    const name = `${title}: GC removes what is not in its list and leaves what is`
    if (missing !== undefined) it.skip(`${name} (skipped: ${missing})`)
    else
      it.concurrent(name, async () => {
        await withHost(async (host) => {
          await prepare(host)
          putNetwork(host, 'net', plugins)
          const [lost, valid] = [await host.pod(), await host.pod()]
          const succeed = async (verb: string, pod: Pod, port: number, tool: Maker = 'ours') =>
            expect(await runTool(host, verb, 'net', pod, { env: env(port), tool }), verb).toMatchObject({ status: 0, stderr: '' })
          for (const verb of ['add', 'del']) await succeed(verb, lost, 8080)
          const empty = await observe(host, valid)
          await succeed('add', valid, 8081)
          const one = await observe(host, valid)
          await succeed('add', lost, 8080)
          expect(compareStates(one, await observe(host, valid))).not.toEqual({})
          // As when the node is reset: neither namespace nor kept result are there any more.
          await host.run('ip', 'netns', 'del', lost.name)
          await host.run('rm', `/var/lib/cni/results/net-${toolContainerId(lost)}-eth0`)
          const VALID_ATTACHMENTS = JSON.stringify([{ containerID: toolContainerId(valid), ifname: 'eth0' }])
          expect(await runTool(host, 'gc', 'net', undefined, { env: { VALID_ATTACHMENTS } })).toMatchObject(done)
          // A namespace goes some time after its name.
          await vi.waitFor(async () => expect(compareStates(one, await observe(host, valid))).toEqual({}), 10_000)
          await succeed('check', valid, 8081)
          // libcni's own GC lists no attachment as valid: each cached one is deleted.
          for (const tool of tools) {
            if (tool === 'go') await succeed('add', valid, 8081, tool)
            expect(await runTool(host, 'gc', 'net', valid, { tool })).toMatchObject(done)
            expect(compareStates(empty, await observe(host, valid)), tool).toEqual({})
          }
        })
      })
  }
})

interface Unready {
  readonly title: string
  readonly plugin: object
  /** Shell lines after which it is ready no more. */
  readonly spoil?: string
  /** What is asked then, where it is not the same. */
  readonly after?: object
  readonly PATH?: string
  readonly output: string
}

const unready: readonly Unready[] = [
  { title: 'bridge', plugin: bridge, spoil: 'ip link add cni9 type veth peer name x', output: 'cni9 exists but is not a bridge' },
  {
    title: 'bridge with host-local',
    plugin: bridge,
    after: { ...bridge, ipam: small },
    spoil: 'FULL',
    output: 'no IP addresses available',
  },
  { title: 'ptp', plugin: { type: 'ptp', ipam }, after: { type: 'ptp', ipam: small }, spoil: 'FULL', output: 'no IP addresses available' },
  { title: 'podwire', plugin: { type: 'podwire', ipam }, after: { type: 'podwire', ipam: { type: 'host-local' } }, output: 'no IP ranges' },
  { title: 'macvlan', plugin: { type: 'macvlan', master: 'up0', ipam }, spoil: 'ip link del up0', output: 'up0' },
  { title: 'flannel', plugin: { type: 'flannel', subnetFile: '/run/subnet.env' }, spoil: 'rm /run/subnet.env', output: 'subnet.env' },
  {
    title: 'tuning',
    plugin: { type: 'tuning', sysctl: { 'net.core.somaxconn': '512' } },
    spoil: 'mkdir -p /etc/cni/tuning && echo ^net.ipv4 >/etc/cni/tuning/allowlist.conf',
    output: 'is not allowed',
  },
  { title: 'firewall', plugin: { type: 'firewall', backend: 'iptables' }, PATH: '/none', output: 'iptables-restore' },
  { title: 'portmap', plugin: { type: 'portmap', backend: 'iptables' }, PATH: '/none', output: 'iptables-restore' },
  {
    title: 'noop',
    plugin: { type: 'noop', debugFile: '/run/debug' },
    spoil: 'echo \'{"ReportError":"not today"}\' >/run/debug',
    output: 'not today',
  },
]

describe.each(tools)('STATUS through cnitool (%s)', (tool) => {
  describeClient('of a plugin', undefined, () => {
    it.each(unready)(
      'says nothing where $title is ready, and why where it is not',
      async ({ plugin, spoil, after = plugin, PATH, output }) => {
        await withHost(async (host) => {
          await prepare(host)
          await host.run('sh', '-c', `echo '{}' >/run/debug`)
          const pod = await host.pod()
          putNetwork(host, 'net', [plugin])
          expect(await runTool(host, 'status', 'net', pod, { tool })).toMatchObject(done)
          putNetwork(host, 'net', [after])
          if (spoil === 'FULL') expect(await runTool(host, 'add', 'net', pod)).toMatchObject({ status: 0 })
          else if (spoil) await host.run('sh', '-c', spoil)
          const { status, stderr } = await runTool(host, 'status', 'net', pod, { tool, ...(PATH && { PATH }) })
          expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(output) })
        })
      },
    )

    it.each(['bandwidth', 'sbr', 'loopback'])('says nothing where %s is ready', async (type) => {
      await withHost(async (host) => {
        putNetwork(host, 'net', [{ type }])
        expect(await runTool(host, 'status', 'net', await host.pod(), { tool })).toMatchObject(done)
      })
    })

    it('reports why dhcp is not ready', async () => {
      await withHost(async (host) => {
        putNetwork(host, 'net', [{ ...bridge, ipam: { type: 'dhcp' } }])
        const { status, stderr } = await runTool(host, 'status', 'net', await host.pod(), { tool })
        expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('dhcp') })
      })
    })
  })
})
