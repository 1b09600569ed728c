// The plugin `podwire` behind real clients: cnitool, and with it libcni; containerd's `ctr run --cni`.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { type Host, type Pod, pluginPath, withHost } from '../harness/netns.ts'
import { describeClient, goPath, noGoReason, noProgramReason } from './available.ts'
import { noStaticBusyboxReason, writeBusyboxImage } from './busybox-image.ts'
import { addressOf, type Ctr, IMAGE, startContainer, startContainerd } from './containerd.ts'

const podwire = (subnet = '10.9.0.0/24', more: object = {}) => ({
  type: 'podwire',
  capabilities: { portMappings: true, bandwidth: true, ips: true, mac: true, dns: true },
  ipam: { type: 'host-local', subnet, routes: [{ dst: '0.0.0.0/0' }] },
  ...more,
})

const done = { status: 0, stderr: '' }
const web = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] }
const shaped = { bandwidth: { ingressRate: 8e6, ingressBurst: 2 ** 32 - 1, egressRate: 8e6, egressBurst: 2 ** 32 - 1 } }

/** cnitool for a list of that one plugin, with CAP_ARGS as a runtime would hand them over. */
function network(host: Host, name: string, plugin: object, cniVersion = '1.1.0') {
  const folder = join(host.dir, 'net.d')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.conflist`), JSON.stringify({ cniVersion, name, plugins: [plugin] }))
  const env = { PATH: process.env.PATH ?? '', NETCONFPATH: folder, CNI_PATH: pluginPath, CNI_IFNAME: 'eth0' }
  return (verb: string, { netns }: Pod, capabilities: object = {}) =>
    host.exec(join(goPath, 'cnitool'), [verb, name, netns], { env: { ...env, CAP_ARGS: JSON.stringify(capabilities) } })
}

const links = (host: Host) => host.run('sh', '-c', 'ip -o link show type veth; ip -o link show type ifb')
const ports = async (host: Host) => (await host.exec('nft', ['list', 'map', 'inet', 'podwire', 'hostports4'])).stdout
const leases = async (host: Host, name: string) =>
  (await host.run('ls', `/var/lib/cni/networks/${name}`)).split('\n').filter((file) => file.startsWith('10.'))

describeClient('podwire and cnitool', noGoReason('cnitool'), () => {
  it.each(['ptp', 'bridge'])('adds, checks and removes a pod with a host port and limits when the datapath is %s', async (datapath) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const capabilities = { ...web, ...shaped, mac: '02:00:00:00:00:09' }
      const cnitool = network(host, 'net', podwire(undefined, { datapath }))
      const added = await cnitool('add', pod, capabilities)
      expect(added).toMatchObject(done)
      expect(JSON.parse(added.stdout)).toMatchObject({
        cniVersion: '1.1.0',
        interfaces: expect.arrayContaining([{ name: 'eth0', mac: '02:00:00:00:00:09', mtu: 1500, sandbox: pod.netns }]),
        ips: [{ address: '10.9.0.2/24', gateway: '10.9.0.1', interface: 1 }],
        routes: [{ dst: '0.0.0.0/0' }],
      })
      expect(await pod.exec('ping', ['-c', '1', '-W', '2', '10.9.0.1'])).toMatchObject({ status: 0 })
      expect(await ports(host)).toContain('tcp . 8080')
      expect((await links(host)).trim().split('\n')).toHaveLength(2)
      expect(await cnitool('check', pod, capabilities)).toMatchObject(done)
      expect(await cnitool('status', pod)).toMatchObject(done)
      expect(await cnitool('del', pod, capabilities)).toMatchObject(done)
      expect(await cnitool('del', pod, capabilities)).toMatchObject(done)
      expect([await links(host), await leases(host, 'net')]).toEqual(['', []])
      expect(await ports(host)).not.toContain('8080')
    })
  })

  it('gets an error from CHECK when the host port has gone', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const cnitool = network(host, 'net', podwire())
      expect(await cnitool('add', pod, web)).toMatchObject(done)
      await host.run('nft', 'flush', 'map', 'inet', 'podwire', 'hostports4')
      expect(await cnitool('check', pod, web)).toMatchObject({ status: 1, stderr: expect.stringContaining('port tcp/8080') })
    })
  })

  // cnitool hands GC no list of what is alive: every attachment that libcni has in its cache is stale.
  it.each(['1.0.0', '1.1.0'])('collects what its cache still has, and leaves the neighbour, when the list is of %s', async (version) => {
    await withHost(async (host) => {
      const [gone, other] = [await host.pod(), await host.pod()]
      const cnitool = network(host, 'net', podwire(), version)
      const neighbour = network(host, 'neighbour', podwire('10.8.0.0/24'), version)
      const theirs = { ...shaped, portMappings: [{ hostPort: 9090, containerPort: 80, protocol: 'tcp' }] }
      expect(await cnitool('add', gone, { ...web, ...shaped })).toMatchObject(done)
      expect(await neighbour('add', other, theirs)).toMatchObject(done)
      // The pod went without a DEL: its link goes with the namespace; lease, host port and IFB stay.
      await host.run('ip', 'netns', 'del', gone.name)
      expect(await leases(host, 'net')).toEqual(['10.9.0.2'])
      expect(await cnitool('gc', gone)).toMatchObject(done)
      expect([await leases(host, 'net'), await leases(host, 'neighbour')]).toEqual([[], ['10.8.0.2']])
      const left = await ports(host)
      expect(left).not.toContain('8080')
      expect(left).toContain('9090')
      expect((await links(host)).trim().split('\n')).toHaveLength(2)
      expect(await neighbour('check', other, theirs)).toMatchObject(done)
    })
  })

  it('gets an error from STATUS when the pool is exhausted, and from ADD the owner of the host port', async () => {
    await withHost(async (host) => {
      const [one, two] = [await host.pod(), await host.pod()]
      const cnitool = network(host, 'net', podwire('10.9.0.0/30'))
      expect(await cnitool('add', one, web)).toMatchObject(done)
      const full = await cnitool('status', one)
      expect(full).toMatchObject({ status: 1, stderr: expect.stringContaining('no IP addresses available') })
      const other = network(host, 'other', podwire('10.8.0.0/24'))
      expect(await other('add', two, web)).toMatchObject({ status: 1, stderr: expect.stringContaining('host port tcp/8080 is taken by') })
      expect((await links(host)).trim().split('\n')).toHaveLength(1)
      expect(await leases(host, 'other')).toEqual([])
      expect(await cnitool('del', one, web)).toMatchObject(done)
      expect(await cnitool('status', one)).toMatchObject(done)
    })
  })

  // At STATUS libcni gives no plugin what the runtime has: CAP_ARGS, and with it the ranges, comes with ADD, CHECK and DEL.
  it('passes STATUS without ranges when those come from the runtime', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const ipam = { type: 'host-local', dataDir: '/run/leases' }
      const cnitool = network(host, 'net', podwire(undefined, { capabilities: { ipRanges: true }, ipam }))
      const given = { ipRanges: [[{ subnet: '10.9.0.0/30' }]] }
      expect(await cnitool('status', pod)).toMatchObject(done)
      expect(await cnitool('add', pod, given)).toMatchObject({ ...done, stdout: expect.stringContaining('10.9.0.2/30') })
      expect(await cnitool('check', pod, given)).toMatchObject(done)
      expect(await cnitool('status', pod, given)).toMatchObject(done)
      expect(await cnitool('del', pod, given)).toMatchObject(done)
      expect((await cnitool('add', pod)).stderr).toContain('no IP ranges specified')

      await host.run('sh', '-c', 'rm -r /run/leases && touch /run/leases')
      expect(await cnitool('status', pod)).toMatchObject({ status: 1, stderr: expect.stringContaining('data directory cannot be used') })
      const undeclared = network(host, 'undeclared', podwire(undefined, { capabilities: { ipRanges: false }, ipam }))
      expect(await undeclared('status', pod)).toMatchObject({ status: 1, stderr: expect.stringContaining('no IP ranges yet') })
    })
  })

  it('gets an error from STATUS for another device of the bridge’s name, also when the ranges come from the runtime', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const more = { capabilities: { ipRanges: true }, datapath: 'bridge', ipam: { type: 'host-local' } }
      const cnitool = network(host, 'net', podwire(undefined, more))
      expect(await cnitool('status', pod)).toMatchObject(done)
      await host.run('ip', 'link', 'add', 'podwire0', 'type', 'veth', 'peer', 'name', 'other')
      expect(await cnitool('status', pod)).toMatchObject({ status: 1, stderr: expect.stringContaining('podwire0') })
    })
  })
})

describeClient('podwire and containerd', noProgramReason('containerd', 'ctr', 'runc', 'busybox') ?? noStaticBusyboxReason(), () => {
  it('gives containers addresses that reach each other and takes them back', async () => {
    await withHost(async (host) => {
      const ctr = await startContainerd(host, { cniVersion: '1.0.0', name: 'net', plugins: [podwire()] })
      expect(await ctr('image', 'import', writeBusyboxImage(host.dir, IMAGE))).toMatchObject({ status: 0 })
      const [first, second] = [`one-${host.dir.slice(-6)}`, `two-${host.dir.slice(-6)}`]
      const runs = [startContainer(ctr, first), startContainer(ctr, second)]
      expect([await addressOf(ctr, first), await addressOf(ctr, second)].sort()).toEqual(['10.9.0.2/24', '10.9.0.3/24'])
      for (const address of ['10.9.0.1', '10.9.0.2', '10.9.0.3']) expect(await ping(ctr, first, address)).toContain('1 packets received')
      expect(await host.run('ip', '-d', 'link', 'show', 'type', 'veth')).toContain(`alias podwire:default-${first} net`)

      for (const id of [first, second]) expect(await ctr('task', 'kill', '--signal', 'KILL', id)).toMatchObject({ status: 0 })
      expect((await Promise.all(runs)).map(({ stderr }) => stderr)).toEqual(['', ''])
      expect(await leases(host, 'net')).toEqual([])
      await vi.waitUntil(async () => (await links(host)) === '', 10_000)
    })
  })
})

async function ping(ctr: Ctr, from: string, address: string): Promise<string> {
  return (await ctr('task', 'exec', '--exec-id', 'ping', from, 'ping', '-c', '1', '-W', '2', address)).stdout
}
