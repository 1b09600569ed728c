// ADD that fails at one of its steps, for real, leaves links, leases, rules and addresses as they were.

import { expect, it } from 'vitest'
import { attach, leaseFolder, linkOf, network, portsOf, refuse, traces } from '../../../../test/harness/bridge.ts'
import { type CniOptions, describeHost, type Host, type Pod, pluginPath, withHost } from '../../../../test/harness/netns.ts'

/** Everything that an ADD can do is configured, so that everything has to be undone. */
const full = { ...network, isDefaultGateway: true, ipMasq: true, ipMasqBackend: 'nftables', macspoofchk: true }
const dual = { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]] }

interface Failure {
  readonly override?: object
  readonly prepare?: (host: Host, pod: Pod) => Promise<unknown>
  readonly options?: CniOptions
  readonly error: object
}

const onHost = (command: string) => (host: Host) => host.run('sh', '-c', command)

const failures: readonly [step: string, failure: Failure][] = [
  [
    'the lease: the requested address is taken',
    {
      override: { runtimeConfig: { ips: ['10.1.0.2'] } },
      error: { code: 11, msg: expect.stringContaining('requested IP address 10.1.0.2 is not available') },
    },
  ],
  [
    'the lease: the second of two sets is used up',
    {
      override: {
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.3.0.0/24', rangeStart: '10.3.0.7', rangeEnd: '10.3.0.7' }]],
        },
      },
      prepare: onHost(`printf 'other\\r\\neth0' >${leaseFolder}/10.3.0.7`),
      error: { code: 11, msg: expect.stringContaining('no IP addresses available in range set: 10.3.0.7-10.3.0.7') },
    },
  ],
  [
    'the lease: the data directory is on a full disk',
    {
      override: { ipam: { ...network.ipam, dataDir: '/run/full' } },
      prepare: onHost(
        'mkdir /run/full && mount -t tmpfs -o size=16k tmpfs /run/full && { cat /dev/zero >/run/full/ballast 2>/dev/null || [ -s /run/full/ballast ]; }',
      ),
      error: { code: 5, msg: expect.stringContaining('No space left on device') },
    },
  ],
  [
    'the lease: the data directory is read-only',
    {
      override: { ipam: { ...network.ipam, dataDir: '/run/fixed' } },
      prepare: onHost('mkdir /run/fixed && mount -t tmpfs -o ro tmpfs /run/fixed'),
      error: { code: 5, msg: expect.stringMatching(/\/run\/fixed.*Read-only file system/) },
    },
  ],
  [
    'the lease: a file is in the data directory’s place',
    {
      override: { ipam: { ...network.ipam, dataDir: '/etc/hostname' } },
      error: { code: 5, msg: expect.stringContaining('/etc/hostname') },
    },
  ],
  [
    'the lease: IPAM gives no address',
    { override: { ipam: { type: 'static', addresses: [] } }, error: { code: 7, msg: 'IPAM plugin returned missing IP config' } },
  ],
  [
    'the lease: there is no such IPAM plugin',
    { override: { ipam: { type: 'nobody' } }, error: { code: 7, msg: expect.stringContaining('nobody') } },
  ],
  [
    'the bridge: another device has its name',
    {
      override: { bridge: 'taken' },
      prepare: onHost('ip link add taken type veth peer taken2'),
      error: { code: 7, msg: 'bridge: "taken" already exists but is not a bridge' },
    },
  ],
  [
    'the bridge: the kernel refuses its MTU',
    { override: { bridge: 'br1', mtu: 65 }, error: { code: 5, msg: expect.stringContaining('add link br1 type bridge') } },
  ],
  [
    'the pair: the kernel refuses its MTU',
    { override: { mtu: 65 }, error: { code: 5, msg: expect.stringMatching(/^add link veth[0-9a-f]{8} type veth peer eth0: /) } },
  ],
  [
    'the spoof check: the container’s name is too long for it',
    { options: { id: 'c'.repeat(250) }, error: { code: 4, msg: expect.stringContaining('CNI_CONTAINERID: macspoofchk takes at most ') } },
  ],
  [
    'the spoof check: its base chain hangs on another hook',
    {
      prepare: onHost(
        'nft flush ruleset; nft add table bridge nat; nft add chain bridge nat PREROUTING "{ type filter hook postrouting priority 0; }"',
      ),
      error: { code: 5 },
    },
  ],
  [
    'the pod: a route’s gateway cannot be reached',
    {
      override: { ipam: { ...network.ipam, routes: [{ dst: '192.0.2.0/24', gw: '10.99.0.1' }] } },
      error: { code: 5, msg: expect.stringContaining('192.0.2.0/24 via 10.99.0.1 dev') },
    },
  ],
  [
    'forwarding: it is off, and /proc/sys can only be read',
    {
      prepare: onHost('echo 0 >/proc/sys/net/ipv4/ip_forward; mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys'),
      error: { code: 5, msg: 'open /proc/sys/net/ipv4/ip_forward: Read-only file system' },
    },
  ],
  [
    'the bridge’s address: it has another one',
    {
      override: { bridge: 'br1' },
      prepare: onHost('ip link add br1 up address 02:00:00:00:00:99 type bridge; ip addr add 10.9.0.1/24 dev br1'),
      error: { code: 7, msg: '"br1" already has an IP address different from 10.1.0.1/24' },
    },
  ],
  [
    'the bridge’s address: the kernel refuses the second, the first was to replace another',
    {
      override: { bridge: 'br1', forceAddress: true, ipam: dual },
      prepare: onHost(
        'ip link add br1 up address 02:00:00:00:00:99 type bridge; ip addr add 10.9.0.1/24 dev br1; echo 1 >/proc/sys/net/ipv6/conf/br1/disable_ipv6',
      ),
      error: { code: 5, msg: expect.stringMatching(/^add address fd00:1::1\/64 on br1: /) },
    },
  ],
  [
    'the masquerade: iptables-restore cannot be run',
    {
      override: { ipMasqBackend: 'iptables' },
      prepare: onHost(
        'mkdir /run/bin; printf "#!/bin/sh\\necho refused >&2; exit 4\\n" >/run/bin/iptables-restore; chmod +x /run/bin/iptables-restore; for dir in /usr/sbin /sbin; do mount --bind /run/bin/iptables-restore $dir/xtables-nft-multi 2>/dev/null; done; true',
      ),
      error: { code: 5, msg: expect.stringContaining('masquerade: iptables') },
    },
  ],
]

describeHost('ADD of bridge that fails leaves everything as it was', () => {
  it.each(failures)('%s', async (_, { override, prepare, options, error }) => {
    await withHost(async (host) => {
      // Another pod of the network is there, on the same bridge, and has the first address.
      await attach(host, await host.pod('other'), full)
      const pod = await host.pod()
      await prepare?.(host, pod)
      const before = await traces(host)
      const output = await refuse(host, 'ADD', { ...full, ...override }, { netns: pod.netns, ...options })
      expect(output).toMatchObject(error)
      expect(await traces(host)).toEqual(before)
      expect(await linkOf(pod, 'eth0')).toBe(null)
    })
  })

  it('a bridge that this call created is removed, too', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const before = await traces(host)
      const unreachable = { ...network, ipam: { ...network.ipam, routes: [{ dst: '192.0.2.0/24', gw: '10.99.0.1' }] } }
      await refuse(host, 'ADD', unreachable, { netns: pod.netns })
      expect(await traces(host)).toEqual(before)
      expect(await linkOf(host, 'br0')).toBe(null)
    })
  })

  it('a delegated IPAM gets a DEL for what it gave', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const script = `#!/bin/sh
echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME" >>/run/calls
[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.2/24"}],"routes":[{"dst":"192.0.2.0/24","gw":"10.99.0.1"}]}'`
      const install = 'mkdir /run/own && cp "$1"/bridge /run/own && printf %s "$2" >/run/own/own-ipam && chmod +x /run/own/own-ipam'
      await host.run('sh', '-c', install, 'sh', pluginPath, script)
      const error = await refuse(host, 'ADD', { ...network, ipam: { type: 'own-ipam' } }, { netns: pod.netns, id: 'x', path: '/run/own' })
      expect(error.msg).toContain('192.0.2.0/24 via 10.99.0.1')
      expect(await host.run('cat', '/run/calls')).toBe('ADD x eth0\nDEL x eth0\n')
    })
  })

  it('the result cannot be written', async () => {
    await withHost(async (host) => {
      await attach(host, await host.pod('other'), full)
      const pod = await host.pod()
      const before = await traces(host)
      const env = {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        CNI_COMMAND: 'ADD',
        CNI_CONTAINERID: 'full-disk',
        CNI_NETNS: pod.netns,
        CNI_IFNAME: 'eth0',
        CNI_PATH: pluginPath,
      }
      const outcome = await host.exec('sh', ['-c', `exec ${pluginPath}/bridge >/dev/full`], { env, stdin: JSON.stringify(full) })
      expect(outcome.status).not.toBe(0)
      expect(await traces(host)).toEqual(before)
      expect(await linkOf(pod, 'eth0')).toBe(null)
    })
  })

  it('the result cannot be expressed in its version', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const config = {
        ...network,
        cniVersion: '0.2.0',
        ipam: { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.2.0.0/24' }]] },
      }
      const before = await traces(host)
      const error = await refuse(host, 'ADD', config, { netns: pod.netns })
      expect(error).toMatchObject({
        cniVersion: '0.2.0',
        code: 7,
        msg: expect.stringContaining('does not support more than 1 address per family'),
      })
      expect(await traces(host)).toEqual(before)
    })
  })

  it('the interface exists: the lease of the first ADD stays, and so does its interface', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await attach(host, pod, full)
      const before = await traces(host)
      for (const id of [pod.name, 'somebody-else']) {
        const error = await refuse(host, 'ADD', full, { netns: pod.netns, id })
        expect(error).toMatchObject({ code: 4, msg: 'CNI_IFNAME: container interface "eth0" already exists in /var/run/netns/pod1' })
        expect(await traces(host)).toEqual(before)
      }
      expect(await portsOf(host)).toHaveLength(1)
      expect((await linkOf(pod, 'eth0'))?.addresses).toEqual(['10.1.0.2/24'])
    })
  })
})
