// Every verb of `podwire` on the kernel: what it answers, what it finds, what it takes away and what it leaves alone.

import { describe, expect, it } from 'vitest'
import { leaseFolder, leases, linkOf } from '../../../../test/harness/bridge.ts'
import { type CniOptions, describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'
import { attach, call, full, network, refuse, remains, succeed } from '../../../../test/harness/podwire.ts'
import { type CniVersion, cniVersions } from '../../../cni/types.ts'
import { hostLinkAlias, hostLinkName, ifbName } from '../../link/owner.ts'

const datapaths = ['ptp', 'bridge'] as const
const ownerOf = (pod: Pod) => ({ network: 'net', containerId: pod.name, ifname: 'eth0' })
const linkOfPod = (pod: Pod) => hostLinkName(ownerOf(pod))
const ifbOfPod = (pod: Pod) => ifbName(ownerOf(pod))

/** Has the host make the table, the bridge and the folder of leases, which stay; what comes later can be compared with that. */
async function useOnce(host: Host, datapath: string): Promise<string[]> {
  const first = await host.pod('first')
  await attach(host, first, full(datapath, 7000))
  await succeed(host, 'DEL', first, full(datapath, 7000))
  return remains(host)
}

const links = (mtu: object) => [
  { name: expect.stringMatching(/^veth[0-9a-f]{8}$/), mac: expect.any(String), ...mtu },
  { name: 'eth0', mac: '0a:58:0a:01:00:02', sandbox: '/var/run/netns/pod1', ...mtu },
  { name: expect.stringMatching(/^bwp[0-9a-f]{12}$/), mac: expect.any(String), ...mtu },
]
const routes = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }]
const ips = [
  { address: '10.1.0.2/24', gateway: '10.1.0.1' },
  { address: 'fd00:1::2/64', gateway: 'fd00:1::1' },
]
const dns = { nameservers: ['10.96.0.10'], search: ['svc.test'], options: ['ndots:5'] }
const oldest = {
  ip4: { ip: '10.1.0.2/24', gateway: '10.1.0.1', routes: routes.slice(0, 1) },
  ip6: { ip: 'fd00:1::2/64', gateway: 'fd00:1::1', routes: routes.slice(1) },
  dns,
}
const withVersions = ips.map((ip, i) => ({ version: i === 0 ? '4' : '6', ...ip, interface: 1 }))
const withoutVersions = ips.map((ip) => ({ ...ip, interface: 1 }))
const shapes: Record<CniVersion, object> = {
  '0.1.0': oldest,
  '0.2.0': oldest,
  '0.3.0': { interfaces: links({}), ips: withVersions, routes, dns },
  '0.3.1': { interfaces: links({}), ips: withVersions, routes, dns },
  '0.4.0': { interfaces: links({}), ips: withVersions, routes, dns },
  '1.0.0': { interfaces: links({}), ips: withoutVersions, routes, dns },
  '1.1.0': { interfaces: links({ mtu: 1500 }), ips: withoutVersions, routes, dns },
}

describeHost('ADD of podwire', () => {
  it.each(cniVersions)('answers in the format of %s, which CHECK and DEL accept', async (cniVersion) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const { runtimeConfig, ...rest } = full('ptp')
      const runtimeDns = { servers: dns.nameservers, searches: dns.search, options: dns.options }
      const config = { ...rest, cniVersion, runtimeConfig: { ...runtimeConfig, dns: runtimeDns } }
      const { text } = await attach(host, pod, config)
      expect(JSON.parse(text)).toEqual({ cniVersion, ...shapes[cniVersion] })
      const known = { ...config, prevResult: JSON.parse(text) }
      if (cniVersions.indexOf(cniVersion) < cniVersions.indexOf('0.4.0'))
        expect(await refuse(host, 'CHECK', pod, known)).toMatchObject({ code: 1 })
      else await succeed(host, 'CHECK', pod, known)
      await succeed(host, 'DEL', pod, known)
      expect([await linkOf(pod, 'eth0'), await leases(host)]).toEqual([null, ''])
    })
  })

  it.each(datapaths)('%s: repeated, answers the same bytes and changes nothing', async (datapath) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const { text } = await attach(host, pod, full(datapath))
      const before = await remains(host)
      for (const _time of ['again', 'and again']) {
        expect((await attach(host, pod, full(datapath))).text).toBe(text)
        expect(await remains(host)).toEqual(before)
      }
    })
  })

  const halves: readonly [title: string, damage: (pod: Pod) => string][] = [
    ['the pod’s addresses are missing', (pod) => `ip -n ${pod.name} addr flush dev eth0 scope global`],
    ['the pod’s end is down', (pod) => `ip -n ${pod.name} link set eth0 down`],
    ['a host port is missing', () => 'nft flush map inet podwire hostports4'],
    ['the IFB is missing', (pod) => `ip link del ${ifbOfPod(pod)}`],
    ['the bucket is missing', (pod) => `tc qdisc del dev ${linkOfPod(pod)} root`],
    ['the whole pair is missing, all else is there', (pod) => `ip link del ${linkOfPod(pod)}`],
    ['the pair’s ends are both on the host', (pod) => `ip -n ${pod.name} link set eth0 netns 1`],
  ]
  describe.each(datapaths)('%s', (datapath) => {
    it.each(halves)('recreates what is incomplete: %s', async (_, damage) => {
      await withHost(async (host) => {
        const pod = await host.pod()
        const before = await useOnce(host, datapath)
        const first = await attach(host, pod, full(datapath))
        await host.run('sh', '-c', damage(pod))
        const second = (await call(host, 'ADD', pod, full(datapath))).json as typeof first
        expect(second.ips).toEqual(first.ips)
        await succeed(host, 'CHECK', pod, { ...full(datapath), prevResult: second })
        await succeed(host, 'DEL', pod, full(datapath))
        expect(await remains(host)).toEqual(before)
      })
    })
  })

  it('rejects another owner’s interface of that name, and changes neither it nor the host', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await pod.exec('ip', ['link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'other'])
      const before = await useOnce(host, 'ptp')
      expect(await refuse(host, 'ADD', pod, full('ptp'))).toMatchObject({ code: 4, msg: expect.stringContaining('already exists') })
      expect(await remains(host)).toEqual(before)
      expect(await linkOf(pod, 'eth0')).not.toBe(null)
    })
  })
})

type Damage = readonly [title: string, script: (pod: Pod) => string, output: RegExp]
const inPod = (script: string) => (pod: Pod) => `ip -n ${pod.name} ${script}`
const damages: readonly Damage[] = [
  ['the pod’s end is gone', inPod('link del eth0'), /eth0 is missing/],
  ['the pod’s end is down', inPod('link set eth0 down'), /eth0 is down/],
  ['the pod has another MAC', inPod('link set eth0 address 02:00:00:00:00:07'), /has MAC 02:00:00:00:00:07/],
  ['the IPv4 address is gone', inPod('addr del 10.1.0.2/24 dev eth0'), /lacks its address 10\.1\.0\.2/],
  ['the IPv6 address is gone', inPod('addr del fd00:1::2/64 dev eth0'), /lacks its address fd00:1::2/],
  ['the default route is gone', inPod('route del default'), /route to 0\.0\.0\.0\/0 is missing/],
  ['the IPv6 default route is gone', inPod('-6 route del default'), /route to ::\/0 is missing/],
  ['a sysctl is another', (pod) => `ip netns exec ${pod.name} sysctl -qw net.ipv4.conf.eth0.rp_filter=1`, /rp_filter is 1, expected 2/],
  ['the host’s end is down', (pod) => `ip link set ${linkOfPod(pod)} down`, /is down/],
  ['the lease is gone', () => `rm ${leaseFolder}/10.1.0.2`, /10\.1\.0\.2|lease|address/],
  ['a host port is gone', () => 'nft flush map inet podwire hostports4', /tcp\/8080 is missing/],
  ['a chain of the host ports is empty', () => 'nft flush chain inet podwire hostports_prerouting', /hostports_prerouting/],
  ['the packet filter was flushed', () => 'nft flush ruleset', /host ports|nft|No such file/],
  ['the bucket is gone', (pod) => `tc qdisc del dev ${linkOfPod(pod)} root`, /expected tbf/],
  ['the IFB is gone', (pod) => `ip link del ${ifbOfPod(pod)}`, /expected tbf|IFB|redirect/],
  ['nothing leads to the IFB', (pod) => `tc qdisc del dev ${linkOfPod(pod)} clsact`, /does not redirect/],
  ['the node does not forward', () => 'sysctl -qw net.ipv4.ip_forward=0', /ip_forward is 0, expected 1/],
]
const ownDamages: Record<(typeof datapaths)[number], readonly Damage[]> = {
  ptp: [
    ['the route to the pod is gone', () => 'ip route del 10.1.0.2', /host's route to 10\.1\.0\.2\/32 is missing/],
    ['the IPv6 route to the pod is gone', () => 'ip -6 route del fd00:1::2', /host's route to fd00:1::2\/128 is missing/],
    [
      'the gateway is gone from the host’s end',
      (pod) => `ip addr add 10.9.9.9/32 dev ${linkOfPod(pod)}; ip addr del 10.1.0.1/32 dev ${linkOfPod(pod)}`,
      /lacks the gateway 10\.1\.0\.1/,
    ],
    ['the pod’s way to the gateway is gone', inPod('route del 10.1.0.1'), /route to 10\.1\.0\.1\/32 is missing/],
  ],
  bridge: [
    ['the host’s end is no port', (pod) => `ip link set ${linkOfPod(pod)} nomaster`, /is not a port of podwire0/],
    ['the bridge is down', () => 'ip link set podwire0 down', /podwire0 is down/],
    ['the bridge is gone', () => 'ip link del podwire0', /podwire0 is missing/],
    ['the gateway is gone from the bridge', () => 'ip addr del 10.1.0.1/24 dev podwire0', /lacks the gateway 10\.1\.0\.1/],
  ],
}

describeHost('CHECK of podwire', () => {
  describe.each(datapaths)('%s', (datapath) => {
    it('passes right after ADD, also with another host MAC, and changes nothing', async () => {
      await withHost(async (host) => {
        const pod = await host.pod()
        const { text } = await attach(host, pod, full(datapath))
        const known = { ...full(datapath), prevResult: JSON.parse(text) }
        await succeed(host, 'CHECK', pod, known)
        await host.run('ip', 'link', 'set', linkOfPod(pod), 'address', '02:00:00:00:00:09')
        const before = await remains(host)
        await succeed(host, 'CHECK', pod, known)
        expect(await remains(host)).toEqual(before)
      })
    })

    it.each([...damages, ...ownDamages[datapath]])('reports that %s, and repairs nothing', async (_, script, output) => {
      await withHost(async (host) => {
        const pod = await host.pod()
        const { text } = await attach(host, pod, full(datapath))
        await host.run('sh', '-c', script(pod))
        const before = await remains(host)
        const { msg } = await refuse(host, 'CHECK', pod, { ...full(datapath), prevResult: JSON.parse(text) })
        expect(msg).toMatch(output)
        expect(await remains(host)).toEqual(before)
      })
    })
  })

  it('without prevResult is rejected with code 7', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await attach(host, pod, full('ptp'))
      expect(await refuse(host, 'CHECK', pod, full('ptp'))).toMatchObject({ code: 7, msg: expect.stringContaining('prevResult') })
    })
  })
})

describeHost('DEL of podwire', () => {
  const ways: readonly [title: string, change: object, before: (pod: Pod) => string, options?: CniOptions][] = [
    ['as it was added', {}, () => 'true'],
    ['without CNI_NETNS', {}, () => 'true', { netns: '' }],
    ['where the namespace is gone', {}, (pod) => `ip netns del ${pod.name}`],
    ['with a plain file as namespace', {}, () => 'true', { netns: '/etc/hostname' }],
    ['without port mappings and bandwidth', { runtimeConfig: {} }, () => 'true'],
    ['with options that do not make sense', { mtu: 'x', datapath: 7, sysctl: [], runtimeConfig: { portMappings: 'x' } }, () => 'true'],
    ['with ranges that do not make sense', { ipam: { type: 'host-local', subnet: 'bogus' } }, () => 'true'],
    ['with a prevResult that is none', { prevResult: 'none' }, () => 'true'],
    ['where the pair is gone', {}, (pod) => `ip link del ${linkOfPod(pod)}`],
    ['where the IFB is gone', {}, (pod) => `ip link del ${ifbOfPod(pod)}`],
    ['where the lease is gone', {}, () => `rm ${leaseFolder}/10.1.0.4`],
  ]
  describe.each(datapaths)('%s', (datapath) => {
    it.each(ways)('%s takes everything away, twice', async (_, change, before, options) => {
      await withHost(async (host) => {
        await useOnce(host, datapath)
        await attach(host, await host.pod('other'), full(datapath, 9000))
        const was = await remains(host)
        const pod = await host.pod()
        await attach(host, pod, full(datapath))
        expect(await remains(host)).not.toEqual(was)
        await host.run('sh', '-c', before(pod))
        for (const _time of ['once', 'again']) await succeed(host, 'DEL', pod, { ...full(datapath), ...change }, options)
        expect(await remains(host)).toEqual(was)
      })
    })
  })

  it('of what was never added makes nothing', async () => {
    await withHost(async (host) => {
      const before = await remains(host)
      await succeed(host, 'DEL', await host.pod(), full('bridge'))
      expect(await remains(host)).toEqual(before)
    })
  })

  it('leaves the lease when the link cannot be deleted: the pod still answers for the address', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await attach(host, pod, network)
      // The kernel never deletes a loopback device.
      const name = linkOfPod(pod)
      const alias = hostLinkAlias(ownerOf(pod), 'ns/pod1')
      await host.run('sh', '-ec', `ip link del ${name}; ip link set lo down; ip link set lo name ${name} alias '${alias}'`)
      expect(await refuse(host, 'DEL', pod, network)).toMatchObject({ code: 5, msg: expect.stringContaining(name) })
      expect(await leases(host)).toContain('10.1.0.2')
      await host.run('ip', 'link', 'set', name, 'name', 'lo')
      await succeed(host, 'DEL', pod, network)
      expect(await leases(host)).toBe('')
    })
  })
})

describeHost('GC of podwire', () => {
  const one = { containerID: 'pod1', ifname: 'eth0' }
  const lists: readonly [title: string, list: object, left: readonly string[]][] = [
    ['without a list removes nothing', {}, ['pod1', 'pod2', 'pod3']],
    ['with a list that is null removes nothing', { 'cni.dev/valid-attachments': null }, ['pod1', 'pod2', 'pod3']],
    ['with an empty list removes all', { 'cni.dev/valid-attachments': [] }, []],
    ['takes the specification’s key', { 'cni.dev/valid-attachments': [one] }, ['pod1']],
    ['takes libcni’s key', { 'cni.dev/attachments': [one, { containerID: 'pod3', ifname: 'eth0' }] }, ['pod1', 'pod3']],
    ['knows an attachment by both its names', { 'cni.dev/valid-attachments': [{ ...one, ifname: 'eth1' }] }, []],
  ]
  describe.each(datapaths)('%s', (datapath) => {
    it.each(lists)('%s', async (_, list, left) => {
      await withHost(async (host) => {
        await useOnce(host, datapath)
        // What other networks have, even one whose name goes on where ours ends, is none of ours.
        const ipam = { type: 'host-local', subnet: '10.2.0.0/24' }
        const elsewhere = { ...full(datapath, 9000), name: 'the-net', bridge: 'br2', ipam }
        await attach(host, await host.pod('foreign'), elsewhere)
        await host.run('sh', '-c', 'echo kept >/var/lib/cni/networks/net/notes; ip link add dummy0 type veth peer name dummy1')
        const empty = await remains(host)
        const pods = await Promise.all(['pod1', 'pod2', 'pod3'].map((name) => host.pod(name)))
        for (const [i, pod] of pods.entries()) await attach(host, pod, full(datapath, 8080 + i))
        for (const _time of ['once', 'again']) {
          const outcome = await host.cni('podwire', 'GC', { ...network, datapath, ...list }, { id: '' })
          expect({ status: outcome.status, stdout: outcome.stdout }, outcome.stderr).toEqual({ status: 0, stdout: '' })
        }
        const found = await remains(host)
        for (const pod of pods) {
          const mine = [linkOfPod(pod), ifbOfPod(pod), `ns/${pod.name} net`]
          expect(
            mine.map((name) => found.some((line) => line.includes(name))),
            pod.name,
          ).toEqual(mine.map(() => left.includes(pod.name)))
          expect((await leases(host)).includes(`:${pod.name}\n`)).toBe(left.includes(pod.name))
          if (left.includes(pod.name)) await succeed(host, 'DEL', pod, full(datapath))
        }
        expect(await remains(host)).toEqual(empty)
        expect(await host.run('cat', '/var/lib/cni/networks/net/notes')).toBe('kept\n')
      })
    })
  })

  it('with an entry that cannot be read fails and removes nothing', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await attach(host, pod, full('ptp'))
      const before = await remains(host)
      const config = { ...network, 'cni.dev/valid-attachments': [{ containerID: 7 }] }
      expect(await refuse(host, 'GC', pod, config)).toMatchObject({ code: 7 })
      expect(await remains(host)).toEqual(before)
    })
  })
})

describeHost('STATUS of podwire', () => {
  const status = (host: Host, config: unknown) => host.cni('podwire', 'STATUS', config, { id: '' })

  it.each(datapaths)('%s: prints nothing when it is ready, and makes nothing', async (datapath) => {
    await withHost(async (host) => {
      const before = await remains(host)
      expect(await status(host, { ...network, datapath })).toMatchObject({ status: 0, stdout: '' })
      expect(await remains(host)).toEqual(before)
      expect((await host.exec('ls', ['/var/lib/cni/networks/net'])).status).not.toBe(0)
    })
  })

  const small = { ...network, ipam: { type: 'host-local', subnet: '10.1.0.0/30' } }
  const unready: readonly [title: string, config: object, prepare: string, output: RegExp][] = [
    ['has no ranges yet', { ...network, ipam: { type: 'host-local' } }, 'true', /no IP ranges/],
    ['has empty ranges', { ...network, ipam: { type: 'host-local', ranges: [] } }, 'true', /no IP ranges/],
    ['cannot write its data', { ...network, ipam: { ...network.ipam, dataDir: '/etc/hostname' } }, 'true', /data directory cannot be used/],
    ['has another device in the bridge’s place', { ...network, datapath: 'bridge' }, 'ip link add podwire0 type veth peer x', /podwire0/],
  ]
  it.each(unready)('answers 50 where the node %s', async (_, config, prepare, output) => {
    await withHost(async (host) => {
      await host.run('sh', '-c', prepare)
      const { json, stdout } = await status(host, config)
      expect(json, stdout).toMatchObject({ code: 50, msg: expect.stringMatching(output) })
    })
  })

  it('answers 50 with numbers where the pool is exhausted, and is ready again after a DEL', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await attach(host, pod, small)
      const { json, stdout } = await status(host, small)
      expect(json, stdout).toMatchObject({ code: 50, details: expect.stringContaining('1 of 1 addresses are in use') })
      await succeed(host, 'DEL', pod, small)
      expect(await status(host, small)).toMatchObject({ status: 0, stdout: '' })
    })
  })

  const unevicted: readonly [title: string, ipam: object, prepare: string][] = [
    [
      'its pool is exhausted',
      small.ipam,
      'mkdir -p /var/lib/cni/networks/net && printf "c1\\r\\neth0" >/var/lib/cni/networks/net/10.1.0.2',
    ],
    ['it cannot write its data', { ...network.ipam, dataDir: '/etc/hostname' }, 'true'],
    ['its IPAM service is away', { type: 'rpc', address: 'unix:///run/absent.sock' }, 'true'],
  ]
  it.each(unevicted)('is ready when `checkStatus` is false and %s', async (_, ipam, prepare) => {
    await withHost(async (host) => {
      await host.run('sh', '-c', prepare)
      expect(await status(host, { ...network, ipam })).toMatchObject({ status: 1, json: { code: 50 } })
      expect(await status(host, { ...network, ipam: { ...ipam, checkStatus: false } })).toMatchObject({ status: 0, stdout: '' })
    })
  })

  it('an invalid configuration, not only one without ranges yet, is still code 7', async () => {
    await withHost(async (host) => {
      for (const ipam of [undefined, { type: 'host-local', subnet: 'bogus' }, { type: 'host-local', ranges: 7 }])
        expect((await status(host, { ...network, ipam })).json).toMatchObject({ code: 7 })
    })
  })
})
