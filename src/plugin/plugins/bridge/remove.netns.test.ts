// DEL and GC of `bridge`: whatever is left of a pod, nothing of it stays on the host, and nothing of another goes.

import { expect, it } from 'vitest'
import { attach, detach, leaseFolder, leases, linkOf, network, portsOf, refuse, traces } from '../../../../test/harness/bridge.ts'
import { type CniOptions, describeHost, type Host, type Pod, pluginPath, withHost } from '../../../../test/harness/netns.ts'

const full = { ...network, ipMasq: true, ipMasqBackend: 'nftables', macspoofchk: true }

/** What is on the host of one attachment, in all the places where something may be. */
async function remains(host: Host, id: string): Promise<string[]> {
  return (await traces(host)).filter((line) => line.includes(id))
}

describeHost('DEL of bridge', () => {
  const ways: readonly [title: string, config: unknown, before: (host: Host, pod: Pod) => Promise<unknown>, options?: CniOptions][] = [
    ['without CNI_NETNS', full, async () => {}, { netns: '' }],
    ['where the namespace is gone', full, (host, pod) => host.run('ip', 'netns', 'del', pod.name)],
    ['where a folder of its path is gone', full, async () => {}, { netns: '/nowhere/pod1' }],
    ['where a file is in the place of its folder', full, async () => {}, { netns: '/etc/hostname/pod1' }],
    ['where only the mount point’s file is left', full, (host, pod) => host.run('sh', '-c', `umount ${pod.netns} && [ -f ${pod.netns} ]`)],
    ['where a folder is at its path', full, async () => {}, { netns: '/etc' }],
    ['where a named pipe is at its path', full, (host) => host.run('mkfifo', '/run/pipe'), { netns: '/run/pipe', timeout: 3000 }],
    [
      'when a process holds the namespace whose path is gone',
      full,
      (host, pod) => host.run('sh', '-c', `ip netns exec ${pod.name} sleep 600 >/dev/null 2>&1 </dev/null & ip netns del ${pod.name}`),
    ],
    ['where the link is gone', full, (_, pod) => pod.exec('ip', ['link', 'del', 'eth0'])],
    ['where the bridge is gone', full, (host) => host.run('ip', 'link', 'del', 'br0')],
    ['where the leases’ folder is gone', full, (host) => host.run('rm', '-r', leaseFolder)],
    ['where the packet filter was flushed', full, (host) => host.run('nft', 'flush', 'ruleset')],
    [
      'with options that do not make sense',
      { ...full, vlan: 'x', mtu: -1, hairpinMode: 7, ipam: { type: 'host-local', subnet: 'bogus' } },
      async () => {},
    ],
    ['with a prevResult that is none', { ...full, prevResult: 'none' }, async () => {}],
    ['with unknown CNI_ARGS', full, async () => {}, { args: 'what;ever=;=' }],
  ]

  it.each(ways)('%s removes everything, twice', async (_, config, before, options) => {
    await withHost(async (host) => {
      const [pod, other] = [await host.pod(), await host.pod('other')]
      await attach(host, pod, full)
      await attach(host, other, full)
      expect((await remains(host, 'pod1')).length).toBeGreaterThan(6)
      await before(host, pod)
      const others = await remains(host, 'other')
      for (const _time of ['once', 'again']) await detach(host, pod, config, options)
      expect(await remains(host, 'pod1')).toEqual([])
      expect(await remains(host, 'other')).toEqual(others)
    })
  })

  it('of what was never added succeeds', async () => {
    await withHost(async (host) => {
      await detach(host, await host.pod(), full)
      expect(await linkOf(host, 'br0')).toBe(null)
    })
  })

  it('leaves the lease when the link cannot be deleted: the pod still answers for the address', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      // The kernel never deletes a loopback device.
      await host.run('sh', '-c', `mkdir -p ${leaseFolder} && printf 'pod1\\r\\nlo' >${leaseFolder}/10.1.0.2`)
      expect(await refuse(host, 'DEL', network, { netns: pod.netns, id: 'pod1', ifname: 'lo' })).toMatchObject({ code: 5 })
      expect(await leases(host)).toContain('10.1.0.2')
    })
  })

  it('removes the link before it releases the lease', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      // An IPAM of the user's own that looks, at its DEL, whether the link exists.
      const script = `#!/bin/sh
[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.2/24"}]}'
[ "$CNI_COMMAND" != DEL ] || ip netns exec pod1 ip link show eth0 >/run/seen 2>&1; exit 0`
      await host.run(
        'sh',
        '-c',
        `mkdir /run/own && cp "$1"/bridge /run/own && printf '%s' "$2" >/run/own/own-ipam && chmod +x /run/own/own-ipam`,
        'sh',
        pluginPath,
        script,
      )
      const config = { ...network, ipam: { type: 'own-ipam' } }
      await attach(host, pod, config, { path: '/run/own' })
      await detach(host, pod, config, { path: '/run/own' })
      expect(await host.run('cat', '/run/seen')).toContain('does not exist')
    })
  })
})

describeHost('GC of bridge', () => {
  const one = { containerID: 'pod1', ifname: 'eth0' }
  const lists: readonly [title: string, list: object, left: readonly string[]][] = [
    ['without a list removes nothing', {}, ['pod1', 'pod2', 'pod3']],
    ['with a list that is null removes nothing', { 'cni.dev/valid-attachments': null }, ['pod1', 'pod2', 'pod3']],
    ['with an empty list removes all', { 'cni.dev/valid-attachments': [] }, []],
    ['takes the specification’s key', { 'cni.dev/valid-attachments': [one] }, ['pod1']],
    ['takes libcni’s key', { 'cni.dev/attachments': [one, { containerID: 'pod3', ifname: 'eth0' }] }, ['pod1', 'pod3']],
    ['knows an attachment by both its names', { 'cni.dev/valid-attachments': [{ ...one, ifname: 'eth1' }] }, []],
  ]

  it.each(lists)('%s', async (_, list, left) => {
    await withHost(async (host) => {
      const ids = ['pod1', 'pod2', 'pod3']
      for (const id of ids) await attach(host, await host.pod(id), full)
      // Links of other networks stay, even of one whose name starts with this network's.
      const elsewhere = { ...full, name: 'net2', bridge: 'br2', ipam: { type: 'host-local', subnet: '10.2.0.0/24' }, macspoofchk: false }
      await attach(host, await host.pod('foreign'), elsewhere)
      const foreign = await remains(host, 'foreign')
      for (const _time of ['once', 'again']) {
        expect(await host.cni('bridge', 'GC', { ...full, ...list })).toMatchObject({ status: 0, stdout: '', stderr: '' })
      }
      const found = await Promise.all(
        ids.map(async (id) => [id, (await remains(host, id)).length > 6 ? 'whole' : (await remains(host, id)).join()]),
      )
      expect(found).toEqual(ids.map((id) => [id, left.includes(id) ? 'whole' : '']))
      expect(await portsOf(host)).toHaveLength(left.length)
      expect(await remains(host, 'foreign')).toEqual(foreign)
    })
  })

  it('with an entry that cannot be read fails and removes nothing', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await attach(host, pod, full)
      const before = await traces(host)
      const error = await refuse(host, 'GC', { ...full, 'cni.dev/valid-attachments': [{ containerID: 7 }] })
      expect(error.code).toBe(7)
      expect(await traces(host)).toEqual(before)
    })
  })
})
