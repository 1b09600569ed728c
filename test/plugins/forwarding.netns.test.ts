// Forwarding is switched on by an ADD that succeeds, and by no other: nothing switches it off again.

import { expect, it } from 'vitest'
import { describeHost, type Host, withHost } from '../harness/netns.ts'

const dual = { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]] }
const noIptables = { ipMasq: true, ipMasqBackend: 'iptables' }
const other = (address: string) => `ip link add br0 type bridge; ip addr add ${address} dev br0`

const failures: readonly [what: string, plugin: string, config: object, setup: string][] = [
  ['another IPv4 address on the bridge', 'bridge', { bridge: 'br0', isGateway: true, ipam: dual }, other('10.7.0.1/24')],
  ['another IPv6 address on the bridge', 'bridge', { bridge: 'br0', isGateway: true, ipam: dual }, other('fd00:1::77/48')],
  ['no iptables', 'bridge', { bridge: 'br0', isGateway: true, ipam: dual, ...noIptables }, ''],
  ['no iptables', 'ptp', { ipam: dual, ...noIptables }, ''],
  ['another address on the bridge', 'podwire', { datapath: 'bridge', bridge: 'br0', ipam: dual }, other('10.7.0.1/24')],
  ['no such sysctl', 'podwire', { ipam: dual, sysctl: { 'net.core.nothing': '1' } }, ''],
]

async function forwarding(host: Host): Promise<string[]> {
  return (await host.run('sysctl', '-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding')).trim().split('\n')
}

describeHost('forwarding', () => {
  it.each(failures)('stays off where there is %s and ADD of %s fails', async (_, plugin, config, setup) => {
    await withHost(async (host) => {
      if (setup) await host.run('sh', '-ec', setup)
      const pod = await host.pod()
      const net = { cniVersion: '1.1.0', name: 'net', type: plugin, ...config }
      const { status, stdout } = await host.cni(plugin, 'ADD', net, { netns: pod.netns, id: pod.name, PATH: '/usr/bin:/bin' })
      expect(status, stdout).toBe(1)
      expect(await forwarding(host)).toEqual(['0', '0'])
    })
  })

  it.each(['bridge', 'ptp', 'podwire'])('is on after ADD of %s', async (plugin) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const net = { cniVersion: '1.1.0', name: 'net', type: plugin, isGateway: true, bridge: 'br0', ipam: dual }
      const { status, stdout } = await host.cni(plugin, 'ADD', net, { netns: pod.netns, id: pod.name })
      expect(status, stdout).toBe(0)
      expect(await forwarding(host)).toEqual(['1', '1'])
    })
  })
})
