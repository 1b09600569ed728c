// cnitool, and with it libcni, drives the built plugins.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type Host, type Pod, pluginPath, withHost } from '../harness/netns.ts'
import { describeClient, goPath, noGoReason } from './available.ts'

const bridge = (more: object = {}) => ({
  type: 'bridge',
  bridge: 'cni9',
  isGateway: true,
  ipMasq: true,
  ipam: { type: 'host-local', subnet: '10.9.0.0/24', routes: [{ dst: '0.0.0.0/0' }] },
  ...more,
})

/** Puts the list where cnitool looks for it, and returns cnitool for that network. */
function network(host: Host, name: string, cniVersion: string, plugins: readonly object[]) {
  const folder = join(host.dir, 'net.d')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.conflist`), JSON.stringify({ cniVersion, name, plugins }))
  const env = { PATH: process.env.PATH ?? '', NETCONFPATH: folder, CNI_PATH: pluginPath }
  return (verb: string, pod: Pod, ifname = 'eth0') =>
    host.exec(join(goPath, 'cnitool'), [verb, name, pod.netns], { env: { ...env, CNI_IFNAME: ifname } })
}

const done = { status: 0, stderr: '' }
const ports = (host: Host) => host.run('ip', '-o', 'link', 'show', 'type', 'veth')
const leases = async (host: Host, name: string) =>
  (await host.run('sh', '-c', `ls /var/lib/cni/networks/${name}`)).split('\n').filter((file) => file.startsWith('10.'))

describeClient('cnitool', noGoReason('cnitool'), () => {
  it.each(['0.3.1', '0.4.0', '1.0.0', '1.1.0'])('adds, checks and removes an attachment when the list is of %s', async (version) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const cnitool = network(host, 'net', version, [bridge()])
      const added = await cnitool('add', pod)
      expect(added).toMatchObject(done)
      expect(JSON.parse(added.stdout)).toMatchObject({
        cniVersion: version,
        interfaces: [{ name: 'cni9' }, {}, { name: 'eth0', sandbox: pod.netns }],
        ips: [{ address: '10.9.0.2/24', gateway: '10.9.0.1', interface: 2 }],
      })
      expect(await pod.exec('ping', ['-c', '1', '-W', '2', '10.9.0.1'])).toMatchObject({ status: 0 })
      // CHECK came with 0.4.0; libcni does not even ask an older one.
      const checked = await cnitool('check', pod)
      if (version === '0.3.1') expect(checked.stderr).toContain('does not support the CHECK command')
      else expect(checked).toMatchObject(done)
      expect(await cnitool('del', pod)).toMatchObject(done)
      expect(await cnitool('del', pod)).toMatchObject(done)
      expect([await ports(host), await leases(host, 'net')]).toEqual(['', []])
      expect(await host.run('iptables-save')).not.toContain('CNI-')
    })
  })

  it('gets an error from CHECK when something of the attachment has gone', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const cnitool = network(host, 'net', '1.0.0', [bridge()])
      await cnitool('add', pod)
      expect(await pod.exec('ip', ['route', 'del', 'default'])).toMatchObject({ status: 0 })
      expect(await cnitool('check', pod)).toMatchObject({ status: 1, stderr: expect.stringContaining('route to 0.0.0.0/0 is missing') })
    })
  })

  it('brings lo up and down when the list is a loopback', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const cnitool = network(host, 'lo-net', '1.0.0', [{ type: 'loopback' }])
      const added = await cnitool('add', pod, 'lo')
      expect(added).toMatchObject(done)
      expect(JSON.parse(added.stdout)).toMatchObject({
        interfaces: [{ name: 'lo', sandbox: pod.netns }],
        ips: [{ address: '127.0.0.1/8' }, {}],
      })
      expect(await pod.exec('ping', ['-c', '1', '-W', '2', '127.0.0.1'])).toMatchObject({ status: 0 })
      expect(await cnitool('check', pod, 'lo')).toMatchObject(done)
      expect(await cnitool('del', pod, 'lo')).toMatchObject(done)
      expect((await pod.exec('ip', ['-o', 'link', 'show', 'up'])).stdout).toBe('')
    })
  })

  // cnitool hands GC no list of what is alive: every attachment that libcni has in its cache is stale.
  it.each(['1.0.0', '1.1.0'])('collects what its cache still has when the list is of %s', async (version) => {
    await withHost(async (host) => {
      const [gone, other] = [await host.pod(), await host.pod()]
      const cnitool = network(host, 'net', version, [bridge()])
      const neighbour = network(host, 'neighbour', version, [
        bridge({ bridge: 'cni8', ipam: { type: 'host-local', subnet: '10.8.0.0/24' } }),
      ])
      expect(await cnitool('add', gone)).toMatchObject(done)
      expect(await neighbour('add', other)).toMatchObject(done)
      // The pod went without a DEL: its link goes with the namespace, lease and rules stay.
      await host.run('ip', 'netns', 'del', gone.name)
      expect(await leases(host, 'net')).toEqual(['10.9.0.2'])
      expect(await cnitool('gc', gone)).toMatchObject(done)
      expect([await leases(host, 'net'), await leases(host, 'neighbour')]).toEqual([[], ['10.8.0.2']])
      const rules = await host.run('iptables-save')
      expect(rules).not.toContain('10.9.0')
      expect(rules).toContain('10.8.0.2')
      expect(await neighbour('check', other)).toMatchObject(done)
    })
  })

  it('gets an error from STATUS when the pool is exhausted', async () => {
    await withHost(async (host) => {
      const [one, two] = [await host.pod(), await host.pod()]
      const small = bridge({ ipam: { type: 'host-local', subnet: '10.9.0.0/30' } })
      const cnitool = network(host, 'net', '1.1.0', [small])
      expect(await cnitool('status', one)).toMatchObject(done)
      expect(await cnitool('add', one)).toMatchObject(done)
      // cnitool prints an error's text; the code is in what libcni was given.
      const full = await cnitool('status', one)
      expect(full).toMatchObject({ status: 1, stderr: expect.stringContaining('no IP addresses available') })
      expect((await host.cni('bridge', 'STATUS', { cniVersion: '1.1.0', name: 'net', ...small })).json).toMatchObject({ code: 50 })
      expect((await cnitool('add', two)).status).toBe(1)
      expect((await ports(host)).trim().split('\n')).toHaveLength(1)
      expect(await cnitool('del', one)).toMatchObject(done)
      expect(await cnitool('status', one)).toMatchObject(done)
    })
  })
})
