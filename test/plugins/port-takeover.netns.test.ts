// A host port whose pod went without DEL: the next pod gets it where the pod is provably gone, and in no other case.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { putNetwork, runTool, toolContainerId } from '../harness/cnitool.ts'
import { hasIptables } from '../harness/masquerade.ts'
import { describeHost, type Host, type Pod, withHost } from '../harness/netns.ts'

const ipam = { type: 'host-local', ranges: [[{ subnet: '10.7.0.0/24' }], [{ subnet: 'fd07::/64' }]], routes: [{ dst: '0.0.0.0/0' }] }
const capabilities = { portMappings: true }
const env = { CAP_ARGS: JSON.stringify({ portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] }) }

const chains = [
  { name: 'podwire', plugins: [{ type: 'podwire', capabilities, ipam }] },
  { name: 'podwire with a bridge', plugins: [{ type: 'podwire', datapath: 'bridge', capabilities, ipam }] },
  ...['iptables', 'nftables']
    .filter((backend) => backend === 'nftables' || hasIptables('nft'))
    .flatMap((backend) =>
      ['bridge', 'ptp'].map((type) => ({
        name: `${type} and portmap by ${backend}`,
        plugins: [
          { type, ...(type === 'bridge' && { isGateway: true }), ipMasq: true, ipam },
          { type: 'portmap', backend, capabilities },
        ],
      })),
    ),
]

const saved = (pod: Pod) => `/var/lib/cni/results/net-${toolContainerId(pod)}-eth0`

async function setUp(host: Host, plugins: readonly object[]): Promise<{ one: Pod; two: Pod; log: () => string }> {
  const logFile = join(host.dir, 'log')
  putNetwork(
    host,
    'net',
    plugins.map((plugin) => ({ ...plugin, logFile })),
  )
  const [one, two] = [await host.pod('one'), await host.pod('two')]
  expect(await runTool(host, 'add', 'net', one, { env })).toMatchObject({ status: 0 })
  return { one, two, log: () => readFileSync(logFile, 'utf8') }
}

/** Deletes the pod's namespace and waits for the kernel to delete its pair. */
async function lose(host: Host, pod: Pod): Promise<void> {
  await host.run('ip', 'netns', 'del', pod.name)
  await expect.poll(async () => (await host.run('ip', '-o', 'link', 'show', 'type', 'veth')).trim(), { timeout: 10_000 }).toBe('')
}

describeHost('a host port of a pod without DEL', () => {
  it.each(chains)('goes to the next pod when the namespace is deleted: $name', { timeout: 60_000 }, ({ plugins }) =>
    withHost(async (host) => {
      const { one, two, log } = await setUp(host, plugins)
      await lose(host, one)
      expect(await runTool(host, 'add', 'net', two, { env })).toMatchObject({ status: 0 })
      expect(await runTool(host, 'check', 'net', two, { env })).toMatchObject({ status: 0 })
      expect(log()).toMatch(/warn host port taken over: its pod is gone and there was no DEL port=tcp\/8080/)
      // Its own DEL, when it comes after all, takes nothing from the next.
      expect(await runTool(host, 'del', 'net', one, { env })).toMatchObject({ status: 0 })
      expect(await runTool(host, 'check', 'net', two, { env })).toMatchObject({ status: 0 })
    }),
  )

  it.each(chains)('stays when the pod lives or cannot be seen: $name', { timeout: 60_000 }, ({ plugins, name }) =>
    withHost(async (host) => {
      const { one, two } = await setUp(host, plugins)
      const rejected = async () => {
        const { status, stderr } = await runTool(host, 'add', 'net', two, { env })
        expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('host port tcp/8080 is taken by') })
        await runTool(host, 'del', 'net', two, { env })
      }
      await rejected()
      // The path is gone, the namespace is not: a process holds it.
      const held = host.exec('nsenter', [`--net=${one.netns}`, '--', 'sleep', '5'])
      await expect.poll(async () => (await host.run('ip', 'netns', 'pids', 'one')).trim()).not.toBe('')
      await host.run('umount', one.netns)
      await host.run('rm', one.netns)
      await rejected()
      await held
      if (name.startsWith('podwire')) return
      // No record of the runtime: the owner is unknown.
      await expect.poll(async () => (await host.run('ip', '-o', 'link', 'show', 'type', 'veth')).trim()).toBe('')
      await host.run('rm', saved(one))
      await rejected()
    }),
  )
})
