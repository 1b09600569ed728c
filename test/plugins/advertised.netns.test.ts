// A host that has its default route by router advertisement keeps it when the first dual-stack pod makes it a router itself.

import { expect, it, vi } from 'vitest'
import { attachers, callAttacher } from '../harness/attachers.ts'
import { describeHost, type Host, withHost } from '../harness/netns.ts'

const ipam = {
  type: 'host-local',
  ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]],
  dataDir: '/run/leases',
}
const gateways = Object.keys(attachers).filter((kind) => !/layer 2|vlan/.test(kind))

/** A router at the other end of `uplink`, which advertises itself and 2001:db8:5::/64. Returns when the host has heard it. */
async function hearRouter(host: Host): Promise<void> {
  const router = await host.pod('router')
  await host.run('ip', 'link', 'add', 'uplink', 'up', 'type', 'veth', 'peer', 'name', 'lan', 'netns', 'router')
  await host.run('ip', 'link', 'add', 'quiet', 'up', 'type', 'veth', 'peer', 'name', 'silent')
  await router.exec('ip', ['addr', 'add', '2001:db8:5::1/64', 'dev', 'lan', 'nodad'])
  await router.exec('ip', ['link', 'set', 'lan', 'up'])
  await vi.waitUntil(
    async () => !(await router.exec('ip', ['-6', 'addr', 'show', 'dev', 'lan', 'tentative'])).stdout.includes('fe80'),
    10_000,
  )
  const options = [
    '--conf-file=/dev/null',
    '--port=0',
    '--interface=lan',
    '--enable-ra',
    '--dhcp-range=2001:db8:5::,ra-only',
    '--pid-file=',
  ]
  await router.exec('dnsmasq', [...options, '--user=root', '--log-facility=/dev/null'])
  await vi.waitUntil(async () => (await defaults(host)) !== '', { timeout: 20_000, interval: 100 })
}

const defaults = async (host: Host) => (await host.run('ip', '-6', 'route', 'show', 'default')).replaceAll(/ expires \d+sec/g, '').trim()
const acceptRa = (host: Host, link: string) => host.run('cat', `/proc/sys/net/ipv6/conf/${link}/accept_ra`).then((text) => text.trim())

describeHost('a host with its default route by router advertisement', () => {
  it.each(gateways)('keeps it when %s switches IPv6 forwarding on', async (kind) => {
    await withHost(async (host) => {
      await hearRouter(host)
      const before = await defaults(host)
      expect(before).toMatch(/^default via fe80::\S+ dev uplink proto ra/)
      const logFile = `${host.dir}/log`
      const added = await callAttacher(host, 'ADD', kind, await host.pod(), { ipam, logFile })
      expect(added.status, added.stdout).toBe(0)
      expect(await host.run('cat', '/proc/sys/net/ipv6/conf/all/forwarding')).toBe('1\n')
      expect(await defaults(host)).toBe(before)
      expect([await acceptRa(host, 'uplink'), await acceptRa(host, 'quiet')]).toEqual(['2', '1'])
      expect(await host.run('cat', logFile)).toContain('a forwarding node otherwise ignores router advertisements on this link link=uplink')
      // A setting of the administrator stays.
      await host.run('sysctl', '-qw', 'net.ipv6.conf.uplink.accept_ra=1')
      await callAttacher(host, 'ADD', kind, await host.pod(), { ipam, logFile })
      expect(await acceptRa(host, 'uplink')).toBe('1')
    })
  })

  it('keeps it when no pod has IPv6', async () => {
    await withHost(async (host) => {
      await hearRouter(host)
      const before = await defaults(host)
      const added = await callAttacher(host, 'ADD', 'ptp', await host.pod(), { ipam: { ...ipam, ranges: [[{ subnet: '10.1.0.0/24' }]] } })
      expect(added.status, added.stdout).toBe(0)
      expect([await defaults(host), await acceptRa(host, 'uplink')]).toEqual([before, '1'])
    })
  })
})
