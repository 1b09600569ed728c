// ADD of `podwire` that fails, at each of its steps: the host is as it was, and the pod has nothing.

import { describe, expect, it } from 'vitest'
import { linkOf } from '../../../../test/harness/bridge.ts'
import { describeHost, withHost } from '../../../../test/harness/netns.ts'
import { attach, full, network, refuse, remains, succeed } from '../../../../test/harness/podwire.ts'
import { hostLinkName, ifbName } from '../../link/owner.ts'

const owner = { network: 'net', containerId: 'pod1', ifname: 'eth0' }

interface Failure {
  readonly change: object
  readonly prepare?: string
  readonly error: object
}

const output = (pattern: RegExp | string) => ({ msg: typeof pattern === 'string' ? pattern : expect.stringMatching(pattern) })
const ports = (hostPort: number, more: object = {}) => ({ portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp', ...more }] })
const unreachable = [{ dst: '192.0.2.0/24', gw: '10.99.0.1' }]

const failures: readonly [title: string, failure: Failure][] = [
  [
    'the lease: the file system of the leases is full',
    {
      change: { ipam: { ...network.ipam, dataDir: '/run/full' } },
      prepare: 'mkdir /run/full && mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs /run/full; dd if=/dev/zero of=/run/full/x 2>/dev/null; true',
      error: { code: 5, ...output(/No space left on device/) },
    },
  ],
  [
    'the lease: the pool is exhausted',
    { change: { ipam: { type: 'host-local', subnet: '10.1.0.0/30' } }, error: output(/no IP addresses/) },
  ],
  ['the lease: IPAM gives no address', { change: { ipam: { type: 'static', addresses: [] } }, error: { code: 7 } }],
  ['the pair: the kernel refuses its MTU', { change: { mtu: 65 }, error: { code: 5 } }],
  [
    'the pod: a route’s gateway cannot be reached',
    { change: { ipam: { ...network.ipam, routes: unreachable } }, error: { code: 5, ...output(/192\.0\.2\.0\/24 via 10\.99\.0\.1/) } },
  ],
  [
    'the sysctl: the kernel does not know it',
    { change: { sysctl: { 'net.ipv4.conf.IFNAME.nonsense': '1' } }, error: { code: 5, ...output(/nonsense/) } },
  ],
  [
    'the sysctl: the kernel refuses its value',
    { change: { sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': 'much' } }, error: { code: 5, ...output(/rp_filter/) } },
  ],
  ['the sysctl: it is the node’s', { change: { sysctl: { 'kernel.hostname': 'x' } }, error: { code: 7, ...output(/kernel\.hostname/) } }],
  [
    'the host port: another pod has it',
    { change: { runtimeConfig: ports(9000) }, error: { code: 11, ...output('host port tcp/9000 is taken by ns/other') } },
  ],
  [
    'the host port: the second of two is another’s',
    {
      change: { runtimeConfig: { portMappings: [...ports(8080).portMappings, ...ports(9000).portMappings] } },
      error: { code: 11, ...output('host port tcp/9000 is taken by ns/other') },
    },
  ],
  ['the host port: there is no such port', { change: { runtimeConfig: ports(65536) }, error: { code: 7, ...output(/hostPort/) } }],
  [
    'the bandwidth: the rate is too low to be one',
    { change: { runtimeConfig: { bandwidth: { ingressRate: 7 } } }, error: { code: 7, ...output(/ingressRate/) } },
  ],
  [
    'the bandwidth: another device has the IFB’s name',
    { change: {}, prepare: `ip link add ${ifbName(owner)} type veth peer x`, error: output(/belongs to another owner/) },
  ],
]

describeHost('ADD of podwire that fails leaves everything as it was', () => {
  describe.each(['ptp', 'bridge'])('%s', (datapath) => {
    it.each(failures)('%s', async (_, { change, prepare, error }) => {
      await withHost(async (host) => {
        const other = await host.pod('other')
        const small = { ipam: { type: 'host-local', subnet: '10.1.0.0/30' } }
        // Another pod of the network has the first address and a host port.
        await attach(host, other, { ...full(datapath, 9000), ...(JSON.stringify(change) === JSON.stringify(small) && small) })
        const pod = await host.pod()
        await host.run('sh', '-c', prepare ?? 'true')
        const before = await remains(host)
        expect(await refuse(host, 'ADD', pod, { ...full(datapath), ...change })).toMatchObject(error)
        expect(await remains(host)).toEqual(before)
        expect(await linkOf(pod, 'eth0')).toBe(null)
      })
    })

    it('a valid ADD succeeds after a failed one', async () => {
      await withHost(async (host) => {
        const pod = await host.pod()
        await refuse(host, 'ADD', pod, { ...full(datapath), ipam: { ...network.ipam, routes: unreachable } })
        const { text } = await attach(host, pod, full(datapath))
        await succeed(host, 'CHECK', pod, { ...full(datapath), prevResult: JSON.parse(text) })
      })
    })
  })

  it('a device of that name that cannot be removed is named, and the pod gets nothing', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await attach(host, await host.pod('other'), full('ptp', 9000))
      // A device that the kernel never deletes has the name of the pair.
      await host.run('sh', '-ec', `ip link set lo down; ip link set lo name ${hostLinkName(owner)}`)
      const { msg } = await refuse(host, 'ADD', pod, full('ptp'))
      expect(msg).toContain(hostLinkName(owner))
      expect(await linkOf(pod, 'eth0')).toBe(null)
    })
  })
})
