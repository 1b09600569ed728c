// A pod is no router: what it advertises gives the node neither address nor route, whichever families the pod has.

import { expect, it } from 'vitest'
import { describeHost, withHost } from '../harness/netns.ts'

const v4 = { type: 'host-local', subnet: '10.1.0.0/24' }
const v6 = { type: 'host-local', subnet: 'fd00:1::/64' }

/** A plugin's configuration, and the device of the host that hears the pod. */
const datapaths = [
  ['ptp', { type: 'ptp', ipam: v4 }, undefined],
  ['ptp', { type: 'ptp', ipam: v6 }, undefined],
  ['podwire', { type: 'podwire', ipam: v4 }, undefined],
  ['podwire', { type: 'podwire', ipam: v6 }, undefined],
  ['podwire', { type: 'podwire', datapath: 'bridge', bridge: 'br0', ipam: v4 }, 'br0'],
  ['bridge', { type: 'bridge', bridge: 'br0', isGateway: true, ipam: v4 }, 'br0'],
  ['bridge', { type: 'bridge', bridge: 'br0' }, 'br0'],
] as const

describeHost('the host', () => {
  it.each(datapaths)('takes no router advertisement from a pod of %s, %j', async (plugin, config, device) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const net = { cniVersion: '1.1.0', name: 'net', ...config }
      const { status, json, stdout } = await host.cni(plugin, 'ADD', net, { netns: pod.netns, id: pod.name })
      expect(status, stdout).toBe(0)
      const { interfaces } = json as { readonly interfaces: readonly { readonly name: string }[] }
      const hears = device ?? interfaces[0]?.name
      expect((await host.run('sysctl', '-n', `net.ipv6.conf.${hears}.accept_ra`)).trim()).toBe('0')
    })
  })
})
