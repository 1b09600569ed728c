// A bridge that was there before is its owner's: what the Go plugin leaves of it alone, this one does as well.

import { describe, expect, it } from 'vitest'
import { goPath, noGoReason } from '../../../../test/clients/available.ts'
import { attach, detach, linkOf, network, portsOf } from '../../../../test/harness/bridge.ts'
import { describeHost, type Host, pluginPath, withHost } from '../../../../test/harness/netns.ts'

const dual = { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]] }

/** How owners set up a bridge, and the MAC that it has then. */
const owners: Readonly<Record<string, readonly [setup: string, mac: string]>> = {
  'a MAC of its own': ['ip link add br0 address 02:00:00:00:00:77 type bridge; ip link set br0 mtu 1400', '02:00:00:00:00:77'],
  'the MAC of a port': [
    'ip link add br0 type bridge; ip link add up0 address 52:54:00:00:00:01 type veth peer name far0; ip link set up0 master br0 up; ip link set br0 mtu 1400',
    '52:54:00:00:00:01',
  ],
}

async function stateOf(host: Host, mac: string) {
  const { mac: found, mtu, promisc, vlanFiltering } = (await linkOf(host, 'br0')) ?? {}
  const acceptRa = (await host.run('sysctl', '-n', 'net.ipv4.conf.br0.arp_ignore', 'net.ipv6.conf.br0.accept_ra')).trim()
  return { mac: found === mac ? 'as it was' : found, mtu, promisc, vlanFiltering, acceptRa }
}

describeHost('a bridge that existed before', () => {
  describe.each(Object.entries(owners))('with %s', (_, [setup, mac]) => {
    it.each([
      ['bridge', { isGateway: false }, 'ours'],
      ['bridge', { ipam: dual, ipMasq: true }, 'ours'],
      ['bridge', { ipam: { type: 'host-local', subnet: 'fd00:1::/64' } }, 'ours'],
      ['bridge', { ipam: dual }, 'go'],
      ['podwire', { type: 'podwire', datapath: 'bridge', ipam: dual }, 'ours'],
    ] as const)('stays as it is when %s attaches pods with %j (%s)', async (plugin, more, maker) => {
      const missing = maker === 'go' ? noGoReason('bridge', 'host-local') : undefined
      if (missing) return
      await withHost(async (host) => {
        await host.run('sh', '-ec', `${setup}; ip link set br0 up`)
        const before = await stateOf(host, mac)
        expect(before.mac).toBe('as it was')
        const config = { ...network, ...more }
        const path = maker === 'go' ? goPath : pluginPath
        const pods = [await host.pod(), await host.pod(), await host.pod()]
        for (const pod of pods) {
          const { status, stdout, json } = await host.cni(plugin, 'ADD', config, { netns: pod.netns, id: pod.name, path })
          expect(status, stdout).toBe(0)
          const isGateway = !('isGateway' in more)
          // Without a gateway address nothing fixes it, and the kernel may choose another port's.
          if (isGateway) expect(json).toMatchObject({ interfaces: expect.arrayContaining([expect.objectContaining({ name: 'br0', mac })]) })
          if (isGateway && maker === 'ours') expect(await stateOf(host, mac)).toEqual(before)
          else if (isGateway) expect((await stateOf(host, mac)).mac).toBe('as it was')
        }
        for (const pod of pods) {
          const { status, stdout } = await host.cni(plugin, 'DEL', config, { netns: pod.netns, id: pod.name, path })
          expect(status, stdout).toBe(0)
        }
        expect((await stateOf(host, mac)).mac).toBe('as it was')
      })
    })
  })

  it('has the same MAC after an ADD that failed, and after many at once', async () => {
    await withHost(async (host) => {
      const [setup, mac] = owners['the MAC of a port'] ?? ['', '']
      await host.run('sh', '-ec', `${setup}; ip link set br0 up`)
      const pods = await Promise.all(Array.from({ length: 8 }, () => host.pod()))
      const bad = { ...network, ipam: { ...network.ipam, routes: [{ dst: '10.9.0.0/16', gw: '192.0.2.1' }] } }
      for (const pod of pods.slice(0, 3)) {
        expect((await host.cni('bridge', 'ADD', bad, { netns: pod.netns, id: pod.name })).status).toBe(1)
        expect((await linkOf(host, 'br0'))?.mac).toBe(mac)
      }
      await Promise.all(pods.map((pod) => attach(host, pod)))
      expect((await linkOf(host, 'br0'))?.mac).toBe(mac)
      expect(await portsOf(host)).toHaveLength(9)
      await Promise.all(pods.map((pod) => detach(host, pod)))
      expect((await linkOf(host, 'br0'))?.mac).toBe(mac)
    })
  })
})
