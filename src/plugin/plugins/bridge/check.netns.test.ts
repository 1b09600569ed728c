// CHECK finds each single damage and repairs none; STATUS reports whether ADD would work.

import { expect, it } from 'vitest'
import { attach, leaseFolder, network, portsOf, refuse, traces } from '../../../../test/harness/bridge.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'

const config = {
  ...network,
  isDefaultGateway: true,
  hairpinMode: true,
  ipMasq: true,
  ipMasqBackend: 'nftables',
  macspoofchk: true,
  ipam: { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]], routes: [{ dst: '192.0.2.0/24' }] },
}

const onPort = (command: string) => async (host: Host) => {
  const [port = ''] = await portsOf(host)
  await host.run('sh', '-c', command.replaceAll('PORT', port))
}
const onHost = (command: string) => (host: Host) => host.run('sh', '-c', command)
const inPod = (command: string) => async (_: Host, pod: Pod) => expect((await pod.exec('sh', ['-c', command])).status).toBe(0)

const damages: readonly [title: string, damage: (host: Host, pod: Pod) => Promise<unknown>, msg: string][] = [
  ['the pod’s address is gone', inPod('ip addr del 10.1.0.2/24 dev eth0'), 'interface eth0 lacks its address 10.1.0.2/24'],
  ['the pod’s IPv6 address is gone', inPod('ip addr del fd00:1::2/64 dev eth0'), 'interface eth0 lacks its address fd00:1::2/64'],
  [
    'the address has another length',
    inPod('ip addr del 10.1.0.2/24 dev eth0; ip addr add 10.1.0.2/16 dev eth0'),
    'interface eth0 lacks its address 10.1.0.2/24',
  ],
  ['the default route is gone', inPod('ip route del default'), 'route to 0.0.0.0/0 is missing'],
  ['the IPv6 default route is gone', inPod('ip -6 route del default'), 'route to ::/0 is missing'],
  ['a route of IPAM is gone', inPod('ip route del 192.0.2.0/24'), 'route to 192.0.2.0/24 is missing'],
  ['the default route leads elsewhere', inPod('ip route replace default via 10.1.0.77'), 'route to 0.0.0.0/0 is missing'],
  ['the pod’s interface is down', inPod('ip link set eth0 down'), 'interface eth0 is down'],
  ['the pod’s interface is gone', inPod('ip link del eth0'), 'interface eth0 is missing in /var/run/netns/pod1'],
  [
    'the pod’s interface has another name',
    inPod('ip link set eth0 down; ip link set eth0 name eth7'),
    'interface eth0 is missing in /var/run/netns/pod1',
  ],
  [
    'the pod’s interface is a bridge',
    inPod('ip link del eth0; ip link add eth0 type bridge; ip link set eth0 up'),
    'interface eth0 is not a veth',
  ],
  [
    'the pod’s interface has another MAC',
    inPod('ip link set eth0 address 02:00:00:00:00:07'),
    'interface eth0 has MAC 02:00:00:00:00:07, expected 0a:58:0a:01:00:02',
  ],
  ['the port is down', onPort('ip link set PORT down'), 'is down'],
  ['the port is no port', onPort('ip link set PORT nomaster'), 'is not a port of br0'],
  ['the port is another bridge’s', onPort('ip link add br7 up type bridge; ip link set PORT master br7'), 'is not a port of br0'],
  ['hairpin is off', onPort('bridge link set dev PORT hairpin off'), 'has hairpin false, expected true'],
  ['isolation is on', onPort('bridge link set dev PORT isolated on'), 'has isolation true, expected false'],
  ['the bridge is gone', onHost('ip link del br0'), 'bridge br0 is missing'],
  ['the bridge is down', onHost('ip link set br0 down'), 'bridge br0 is down'],
  ['the gateway’s address is gone', onHost('ip addr del 10.1.0.1/24 dev br0'), 'br0 lacks the gateway 10.1.0.1/24'],
  ['the gateway’s IPv6 address is gone', onHost('ip addr del fd00:1::1/64 dev br0'), 'br0 lacks the gateway fd00:1::1/64'],
  ['a lease is gone', onHost(`rm ${leaseFolder}/10.1.0.2`), 'has no address of range set 10.1.0.1-10.1.0.254'],
  ['a lease is another’s', onHost(`printf 'pod9\\r\\neth0' >${leaseFolder}/10.1.0.2`), 'Failed to find address added by container pod1'],
  [
    'the masquerade is gone',
    onHost('nft flush chain inet cni_plugins_masquerade masq_checks'),
    'masquerade: nftables rule for 10.1.0.2/24 is missing',
  ],
  [
    'nothing leads to the masquerade',
    onHost('nft flush chain inet cni_plugins_masquerade postrouting'),
    'masquerade: nftables chain postrouting in table inet cni_plugins_masquerade lacks a rule',
  ],
  [
    'the spoof check is gone',
    onHost('nft flush chain bridge nat cni-br-iface-pod1-eth0-mac'),
    'macspoofchk: nftables rules of chain cni-br-iface-pod1-eth0 in table bridge nat are missing',
  ],
  [
    'the host forwards no more',
    onHost('echo 0 >/proc/sys/net/ipv4/ip_forward'),
    'net/ipv4/ip_forward is 0, expected 1: the node does not forward',
  ],
]

describeHost('CHECK of bridge', () => {
  it('passes right after ADD, and again', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const prevResult = await attach(host, pod, config)
      const before = await traces(host)
      for (const _time of ['once', 'again']) {
        const outcome = await host.cni('bridge', 'CHECK', { ...config, prevResult }, { netns: pod.netns, id: pod.name })
        expect(outcome).toMatchObject({ status: 0, stdout: '', stderr: '' })
      }
      expect(await traces(host)).toEqual(before)
    })
  })

  const plain: readonly [title: string, override: object][] = [
    ['of layer 2 only', { ipam: {} }],
    ['of an interface that is to stay down', { ipam: {}, disableContainerInterface: true }],
    ['in promiscuous mode', { promiscMode: true }],
    ['with static addresses', { ipam: { type: 'static', addresses: [{ address: '10.1.0.7/24' }] } }],
    ['with isolated ports', { portIsolation: true }],
    ['masqueraded over iptables', { ipMasq: true, ipMasqBackend: 'iptables' }],
  ]
  it.each(plain)('passes right after ADD of a network %s', async (_, override) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const own = { ...network, ...override }
      const prevResult = await attach(host, pod, own)
      expect(await host.cni('bridge', 'CHECK', { ...own, prevResult }, { netns: pod.netns, id: pod.name })).toMatchObject({
        status: 0,
        stdout: '',
      })
    })
  })

  it.each(damages)('finds that %s, and changes nothing', async (_, damage, msg) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const prevResult = await attach(host, pod, config)
      await damage(host, pod)
      const before = await traces(host)
      const error = await refuse(host, 'CHECK', { ...config, prevResult }, { netns: pod.netns, id: pod.name })
      expect(error.msg).toContain(msg)
      expect(await traces(host)).toEqual(before)
    })
  })

  it('finds that the bridge is not promiscuous', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const own = { ...network, promiscMode: true }
      const prevResult = await attach(host, pod, own)
      await host.run('ip', 'link', 'set', 'br0', 'promisc', 'off')
      const error = await refuse(host, 'CHECK', { ...own, prevResult }, { netns: pod.netns, id: pod.name })
      expect(error.msg).toBe('bridge br0 is not promiscuous')
    })
  })

  it('needs prevResult, and one that names the pod’s interface and namespace', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const prevResult = await attach(host, pod)
      const call = { netns: pod.netns, id: pod.name }
      expect(await refuse(host, 'CHECK', network, call)).toMatchObject({ code: 7, msg: 'prevResult: is missing' })
      expect((await refuse(host, 'CHECK', { ...network, prevResult: { ...prevResult, interfaces: [] } }, call)).msg).toContain('eth0')
      const other = await host.pod('other')
      expect((await refuse(host, 'CHECK', { ...network, prevResult }, { ...call, netns: other.netns })).msg).toContain(other.netns)
    })
  })
})

describeHost('STATUS of bridge', () => {
  it('is ready on an untouched host, and changes nothing there', async () => {
    await withHost(async (host) => {
      const before = await traces(host)
      expect(await host.cni('bridge', 'STATUS', network)).toMatchObject({ status: 0, stdout: '' })
      expect(await traces(host)).toEqual(before)
    })
  })

  it('is 50 with figures when the pool is used up, and ready again after a DEL', async () => {
    await withHost(async (host) => {
      const small = { ...network, ipam: { type: 'host-local', subnet: '10.1.0.0/30' } }
      const pod = await host.pod()
      await attach(host, pod, small)
      const error = await refuse(host, 'STATUS', small)
      expect(error).toMatchObject({
        code: 50,
        msg: expect.stringContaining('no IP addresses available'),
        details: expect.stringContaining('1 of 1'),
      })
      await host.cni('bridge', 'DEL', small, { netns: pod.netns, id: pod.name })
      expect(await host.cni('bridge', 'STATUS', small)).toMatchObject({ status: 0 })
    })
  })

  it('is 50 where another device has the bridge’s name', async () => {
    await withHost(async (host) => {
      await host.run('ip', 'link', 'add', 'br0', 'type', 'veth', 'peer', 'other')
      expect(await refuse(host, 'STATUS', network)).toMatchObject({ code: 50, msg: 'br0 exists but is not a bridge' })
    })
  })
})
