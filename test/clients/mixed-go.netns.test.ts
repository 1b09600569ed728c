// The Go plugins and ours on one host: each takes the other as its delegate, each removes what the other made, and both make the same.

import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { type CniOutcome, type Host, type Pod, pluginPath, withHost } from '../harness/netns.ts'
import { describeClient, goPath, noGoReason } from './available.ts'
import { compareStates, observeState } from './observed-state.ts'

type Maker = 'go' | 'ours'
const folders: Record<Maker, string> = { go: goPath, ours: pluginPath }

/** A plugin folder in which each file comes from the maker named. */
function mixture(host: Host, files: Readonly<Record<string, readonly [Maker, string]>>): string {
  const folder = join(host.dir, Object.entries(files).join('-').replaceAll(/\W/g, '-'))
  mkdirSync(folder)
  for (const [name, [maker, plugin]] of Object.entries(files)) symlinkSync(join(folders[maker], plugin), join(folder, name))
  return folder
}

function config(more: object = {}) {
  const ranges = [[{ subnet: '10.9.0.0/24' }], [{ subnet: 'fd09::/64' }]]
  return {
    cniVersion: '1.1.0',
    name: 'net',
    type: 'bridge',
    bridge: 'cni9',
    isDefaultGateway: true,
    hairpinMode: true,
    mtu: 1400,
    ipMasq: true,
    ipam: { type: 'host-local', ranges },
    ...more,
  }
}

const succeeded = (outcome: CniOutcome) =>
  expect({ status: outcome.status, said: outcome.stdout + outcome.stderr }).toMatchObject({ status: 0 })

/** What is on the host of a network whose attachments have all been removed; the same for both makers. */
async function remains(host: Host) {
  const [links, rules, leases] = await Promise.all([
    host.run('ip', '-o', 'link', 'show', 'type', 'veth'),
    host.run('sh', '-c', 'iptables-save; ip6tables-save; nft list ruleset'),
    host.run('sh', '-c', 'cd /var/lib/cni/networks/net && ls'),
  ])
  const named = rules.split('\n').filter((line) => /CNI-|podwire-test|10\.9\.0\.|fd09::/.test(line))
  return { links, rules: named, leases: leases.split('\n').filter((file) => /^(10|fd)/.test(file)) }
}

/** A namespace goes some time after its name: the kernel takes its links in the background. */
async function removePod(host: Host, pod: Pod): Promise<void> {
  await host.run('ip', 'netns', 'del', pod.name)
  await vi.waitUntil(async () => (await host.run('ip', '-o', 'link', 'show', 'type', 'veth')) === '', 10_000)
}

const nothing = { links: '', rules: [], leases: [] }

const backends = ['iptables', 'nftables']
const both: [Maker, Maker][] = [
  ['go', 'ours'],
  ['ours', 'go'],
]
const turns = backends.flatMap((backend) => both.map(([adder, remover]) => ({ backend, adder, remover })))

describeClient('the Go plugins and podwire’s', noGoReason('bridge', 'host-local'), () => {
  it.each(turns)('leave nothing when bridge of $remover removes what $adder made with $backend', async ({ backend, adder, remover }) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const given = config({ ipMasqBackend: backend })
      const added = await host.cni('bridge', 'ADD', given, { netns: pod.netns, path: folders[adder] })
      succeeded(added)
      const made = await remains(host)
      expect([made.rules.length > 0, made.leases]).toEqual([true, ['10.9.0.2', 'fd09::2']])
      const again = { ...given, prevResult: added.json }
      succeeded(await host.cni('bridge', 'CHECK', again, { netns: pod.netns, path: folders.ours }))
      succeeded(await host.cni('bridge', 'DEL', again, { netns: pod.netns, path: folders[remover] }))
      expect(await remains(host)).toEqual(nothing)
      succeeded(await host.cni('bridge', 'DEL', again, { netns: pod.netns, path: folders[remover] }))
    })
  })

  // What the Go plugin cannot: without the namespace it no longer knows the addresses.
  it.each(backends)('leave nothing when ours removes what Go made with %s and the pod is gone', async (backend) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const given = config({ ipMasqBackend: backend })
      succeeded(await host.cni('bridge', 'ADD', given, { netns: pod.netns, path: folders.go }))
      await removePod(host, pod)
      succeeded(await host.cni('bridge', 'DEL', given, { path: folders.ours }))
      expect(await remains(host)).toEqual(nothing)
    })
  })

  it.each(backends)('leave nothing when GC of ours collects what Go made with %s', async (backend) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const given = config({ ipMasqBackend: backend })
      succeeded(await host.cni('bridge', 'ADD', given, { netns: pod.netns, path: folders.go }))
      await removePod(host, pod)
      const alive = { containerID: 'podwire-test', ifname: 'eth0' }
      succeeded(await host.cni('bridge', 'GC', { ...given, 'cni.dev/valid-attachments': [alive] }))
      expect((await remains(host)).leases).toEqual(['10.9.0.2', 'fd09::2'])
      succeeded(await host.cni('bridge', 'GC', { ...given, 'cni.dev/valid-attachments': [] }))
      expect(await remains(host)).toEqual(nothing)
    })
  })

  it('attach a pod when bridge is Go’s and host-local is podwire’s', async () => {
    await withHost(async (host) => {
      const path = mixture(host, { bridge: ['go', 'bridge'], 'host-local': ['ours', 'host-local'] })
      await attachAndRemove(host, await host.pod(), config(), path)
      expect(await host.run('ls', '/var/lib/cni/networks/net')).toContain('last_reserved_ip\n')
    })
  })

  it('attach a pod when bridge is podwire’s and host-local is Go’s', async () => {
    await withHost(async (host) => {
      // By its own name it would not be run: that type is part of our bridge.
      const path = mixture(host, { bridge: ['ours', 'bridge'], 'go-host-local': ['go', 'host-local'] })
      await attachAndRemove(host, await host.pod(), config({ ipam: { ...config().ipam, type: 'go-host-local' } }), path)
      expect(await host.run('ls', '/var/lib/cni/networks/net')).not.toContain('last_reserved_ip\n')
    })
  })

  it('share one bridge when some pods are Go’s and some podwire’s', async () => {
    await withHost(async (host) => {
      const pods: { pod: Pod; id: string; address: string }[] = []
      for (const [i, maker] of (['go', 'ours', 'go', 'ours'] as const).entries()) {
        const pod = await host.pod()
        const added = await host.cni('bridge', 'ADD', config(), { netns: pod.netns, id: `c${i}`, path: folders[maker] })
        succeeded(added)
        expect(added.json).toMatchObject({ ips: [{ address: `10.9.0.${i + 2}/24` }, { address: `fd09::${i + 2}/64` }] })
        pods.push({ pod, id: `c${i}`, address: `10.9.0.${i + 2}` })
      }
      const [first] = pods
      for (const { address } of pods.slice(1))
        expect(await first?.pod.exec('ping', ['-c', '1', '-W', '2', address])).toMatchObject({ status: 0 })
      for (const [i, { pod, id }] of pods.entries()) {
        succeeded(await host.cni('bridge', 'DEL', config(), { netns: pod.netns, id, path: folders[i < 2 ? 'ours' : 'go'] }))
      }
      expect(await remains(host)).toEqual(nothing)
    })
  })

  it.each(backends)(
    'make the same of one configuration, except for the documented differences, when ipMasq goes over %s',
    async (backend) => {
      const given = config({ ipMasqBackend: backend })
      const [go, ours] = [await attachWith('go', given), await attachWith('ours', given)]
      expect(Object.keys(go.state).length).toBeGreaterThan(250)
      expect(compareStates(go.state, ours.state)).toEqual(deliberate)
      const [bridge, port, eth0] = go.result.interfaces
      expect(ours.result).toEqual({
        ...go.result,
        // The MACs of the address, and the MTU that 1.1.0 has a field for.
        interfaces: [
          { ...bridge, mac: '0a:58:0a:09:00:01', mtu: 1400 },
          { ...port, name: expect.stringMatching(/^veth[0-9a-f]{8}$/), mac: expect.any(String), mtu: 1400 },
          { ...eth0, mac: '0a:58:0a:09:00:02', mtu: 1400 },
        ],
      })
    },
  )
})

/** [Go, ours], and why. */
const deliberate: ReturnType<typeof compareStates> = {
  // A MAC that follows from the address is the same after a restart, so that neighbours' entries stay right.
  'host link cni9.address': ['random MAC', '0a:58:0a:09:00:01'],
  'pod link eth0.address': ['random MAC', '0a:58:0a:09:00:02'],
  // Addresses that host-local allocated need no duplicate address detection: they can be used at once.
  'host link cni9.addr_info[fd09::1].nodad': [undefined, 'true'],
  'pod link eth0.addr_info[fd09::2].nodad': [undefined, 'true'],
  // Shows operators and GC the owner of the link.
  'host link vethX.ifalias': [undefined, 'podwire:net:podwire-test:eth0'],
  // Both without a queue; the Go library asks for a length of none, we for nothing.
  'host link vethX.txqlen': [undefined, '1000'],
  // A port hears no router: what arrives there belongs to the bridge, whose setting is 0 with both.
  'host sysctl: ipv6/conf/vethX/accept_ra = 0': ['there', undefined],
  'host sysctl: ipv6/conf/vethX/accept_ra = 1': [undefined, 'there'],
  // Which lease is whose, without opening every file.
  'leases: .owners-BOOT drwx------': [undefined, 'there'],
  // The old name of last_reserved_ip.0.
  'leases: last_reserved_ip lrwxrwxrwx 10.9.0.2': [undefined, 'there'],
  // Nobody runs it.
  'leases: lock -rw-------': [undefined, 'there'],
  'leases: lock -rwxr-x---': ['there', undefined],
}

async function attachWith(maker: Maker, given: object) {
  return withHost(async (host) => {
    const pod = await host.pod()
    const added = await host.cni('bridge', 'ADD', given, { netns: pod.netns, path: folders[maker] })
    succeeded(added)
    // The JSON edge: what is compared below is what toEqual finds in it.
    return { result: added.json as { interfaces: readonly object[] }, state: await observeState(host, pod, 'net') }
  })
}

async function attachAndRemove(host: Host, pod: Pod, given: object, path: string): Promise<void> {
  const added = await host.cni('bridge', 'ADD', given, { netns: pod.netns, path })
  succeeded(added)
  expect(added.json).toMatchObject({ ips: [{ address: '10.9.0.2/24' }, { address: 'fd09::2/64' }] })
  expect(await pod.exec('ping', ['-c', '1', '-W', '2', '10.9.0.1'])).toMatchObject({ status: 0 })
  const again = { ...given, prevResult: added.json }
  succeeded(await host.cni('bridge', 'CHECK', again, { netns: pod.netns, path }))
  succeeded(await host.cni('bridge', 'DEL', again, { netns: pod.netns, path }))
  expect(await remains(host)).toEqual(nothing)
}
