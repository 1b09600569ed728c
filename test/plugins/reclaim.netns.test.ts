// `podwire ipam reclaim` with real pods: what is stale is released with its host ports, and nothing else.

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { putNetwork, runTool } from '../harness/cnitool.ts'
import { describeHost, type Host, type Pod, pluginPath, withHost } from '../harness/netns.ts'

const env = { CAP_ARGS: JSON.stringify({ portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] }) }

interface Report {
  readonly reclaimed: readonly { readonly object: string; readonly reason: string }[]
  readonly unseen: readonly { readonly object: string; readonly message: string }[]
}

interface Net {
  readonly host: Host
  readonly one: Pod
  readonly two: Pod
  readonly reclaim: (...args: string[]) => Promise<Report>
  readonly leases: () => Promise<string[]>
}

/** Two pods with an address each, the first with a host port. */
function withPods(body: (net: Net) => Promise<void>): Promise<void> {
  return withHost(async (host) => {
    const runDir = join(host.dir, 'run')
    const ipam = { type: 'host-local', dataDir: `${runDir}/leases`, subnet: '10.7.0.0/24' }
    putNetwork(host, 'net', [{ type: 'podwire', capabilities: { portMappings: true }, ipam }])
    const [one, two] = [await host.pod('one'), await host.pod('two')]
    expect(await runTool(host, 'add', 'net', one, { env })).toMatchObject({ status: 0 })
    expect(await runTool(host, 'add', 'net', two)).toMatchObject({ status: 0 })
    await body({
      host,
      one,
      two,
      reclaim: async (...args) => {
        const flags = ['--run-dir', runDir, '--state-dir', host.dir, '--conf-dir', host.dir, '-o', 'json', ...args]
        return JSON.parse(await host.run(join(pluginPath, 'podwire'), 'ipam', 'reclaim', ...flags)) as Report
      },
      leases: async () => (await host.run('ls', `${runDir}/leases/net`)).split('\n').filter((name) => name.startsWith('10.')),
    })
  })
}

/** Deletes the namespace, and waits for the kernel to delete the pair. */
async function lose(host: Host, pod: Pod): Promise<void> {
  const pairs = async () => (await host.run('ip', '-o', 'link', 'show', 'type', 'veth')).trim().split('\n').length
  await host.run('ip', 'netns', 'del', pod.name)
  await expect.poll(pairs, { timeout: 10_000 }).toBe(1)
}

describeHost('podwire ipam reclaim', () => {
  it('releases the address and the host port of a pod whose namespace is deleted', { timeout: 60_000 }, () =>
    withPods(async ({ host, one, reclaim, leases }) => {
      expect(await reclaim('--grace', '0')).toEqual({ reclaimed: [], unseen: [], problems: [] })
      await lose(host, one)
      // Younger than the grace period.
      expect((await reclaim()).reclaimed).toEqual([])
      const stale = [{ object: expect.stringContaining('10.7.0.2 ('), reason: 'its namespace is gone and there was no DEL' }]
      expect(await reclaim('--grace', '0', '--dry-run')).toMatchObject({ reclaimed: stale })
      expect(await leases()).toEqual(['10.7.0.2', '10.7.0.3'])
      expect(await reclaim('--grace', '0')).toMatchObject({ reclaimed: stale, unseen: [] })
      expect(await leases()).toEqual(['10.7.0.3'])
      expect(await host.run('nft', 'list', 'map', 'inet', 'podwire', 'hostports4')).not.toContain('8080')
      expect((await reclaim('--grace', '0')).reclaimed).toEqual([])
    }),
  )

  it('releases the lease of an ADD that was killed: no pair, no saved result', { timeout: 60_000 }, () =>
    withPods(async ({ host, one, reclaim, leases }) => {
      await lose(host, one)
      await host.run('sh', '-c', 'rm /var/lib/cni/results/net-*; touch /var/lib/cni/results/other')
      expect((await reclaim('--grace', '0')).reclaimed).toMatchObject([{ reason: 'it has no pair, and the runtime no saved result' }])
      expect(await leases()).toEqual(['10.7.0.3'])
    }),
  )

  it.each([
    ['the results', 'mv /var/lib/cni/results /var/lib/cni/elsewhere', '/var/lib/cni/results'],
    ['the namespaces', 'sed -i s,/var/run/netns,/elsewhere, /var/lib/cni/results/net-*', 'of network net'],
    ['the saved result', 'for file in /var/lib/cni/results/net-*; do echo "{" >"$file"; done', 'of network net'],
  ])('reclaims nothing where it cannot see %s, and reports so', { timeout: 60_000 }, (_what, hide, object) =>
    withPods(async ({ host, one, reclaim, leases }) => {
      await lose(host, one)
      await host.run('sh', '-c', hide)
      expect(await reclaim('--grace', '0')).toMatchObject({ reclaimed: [], unseen: [{ object: expect.stringContaining(object) }] })
      expect(await leases()).toEqual(['10.7.0.2', '10.7.0.3'])
    }),
  )
})
