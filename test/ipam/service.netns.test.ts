// IPAM by a service with real plugins, namespaces and a real server process.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { attachers, callAttacher, layWire } from '../harness/attachers.ts'
import { exampleServer, type Service, startExample } from '../harness/ipam-service.ts'
import { describeHost, type Host, withHost } from '../harness/netns.ts'

const addressesOf = (json: unknown) => (json as { ips?: { address: string }[] }).ips?.map(({ address }) => address) ?? []

async function withService(subnet: string, body: (host: Host, service: Service) => Promise<void>): Promise<void> {
  await withHost(async (host) => {
    const service = await startExample(`unix://${join(host.dir, 'ipam.sock')}`, subnet)
    try {
      await body(host, service)
    } finally {
      await service.kill()
    }
  })
}

describeHost('IPAM by a service', () => {
  it.each(Object.keys(attachers))('%s gives the pod the address of the service, and DEL releases it', async (kind) => {
    await withService('10.9.0.0/30', async (host, { address }) => {
      await layWire(host)
      const [one, two] = [await host.pod(), await host.pod()]
      const keys = { ipam: { type: 'rpc', address } }
      const added = await callAttacher(host, 'ADD', kind, one, keys)
      expect({ status: added.status, addresses: addressesOf(added.json) }).toEqual({ status: 0, addresses: ['10.9.0.2/30'] })
      expect((await one.exec('ip', ['-4', 'addr', 'show', 'eth0'])).stdout).toContain('10.9.0.2/')
      const prevResult = added.json as object
      expect(await callAttacher(host, 'CHECK', kind, one, { ...keys, prevResult })).toMatchObject({ status: 0 })
      expect(await callAttacher(host, 'STATUS', kind, one, keys)).toMatchObject({ status: 0 })
      const full = await callAttacher(host, 'ADD', kind, two, keys)
      expect(full.json).toMatchObject({ code: 11, msg: expect.stringContaining('all addresses of 10.9.0.0/30 are taken') })
      expect(await callAttacher(host, 'DEL', kind, one, keys)).toMatchObject({ status: 0 })
      expect(addressesOf((await callAttacher(host, 'ADD', kind, two, keys)).json)).toEqual(['10.9.0.2/30'])
    })
  })

  it('20 ADDs at once get 20 addresses, and the same again when each is repeated', async () => {
    await withService('10.9.0.0/24', async (host, { address }) => {
      const pods = await Promise.all(Array.from({ length: 20 }, () => host.pod()))
      const config = { cniVersion: '1.1.0', name: 'net', ipam: { type: 'rpc', address } }
      const add = () =>
        Promise.all(
          pods.map(async ({ netns, name }) => addressesOf((await host.cni('podwire-ipam-rpc', 'ADD', config, { netns, id: name })).json)),
        )
      const first = await add()
      expect(new Set(first.flat()).size).toBe(20)
      expect(await add()).toEqual(first)
    })
  })

  it('ADD succeeds once a slow service answers, with one lease', async () => {
    await withService('10.9.0.0/30', async (host, service) => {
      const config = { cniVersion: '1.1.0', name: 'net', ipam: { type: 'rpc', address: service.address } }
      service.stop()
      setTimeout(() => service.resume(), 1500)
      const added = await host.cni('podwire-ipam-rpc', 'ADD', config, { netns: '/n', id: 'a' })
      expect({ status: added.status, addresses: addressesOf(added.json) }).toEqual({ status: 0, addresses: ['10.9.0.2/30'] })
      await host.cni('podwire-ipam-rpc', 'DEL', config, { netns: '/n', id: 'a' })
      expect((await host.cni('podwire-ipam-rpc', 'ADD', config, { netns: '/n', id: 'b' })).status).toBe(0)
    })
  })

  it('ADD of a service that is killed meanwhile fails with code 11, leaves no link, and its release is sent to the next one', async () => {
    await withService('10.9.0.0/30', async (host, service) => {
      const pod = await host.pod()
      const spoolDir = join(host.dir, 'releases')
      const keys = { ipam: { type: 'rpc', address: service.address, spoolDir } }
      service.stop()
      setTimeout(() => void service.kill(), 500)
      const failed = await callAttacher(host, 'ADD', 'bridge', pod, keys)
      expect(failed.json).toMatchObject({ code: 11, msg: expect.stringContaining(service.address) })
      expect((await pod.exec('ip', ['link', 'show', 'eth0'])).status).not.toBe(0)
      expect(readdirSync(spoolDir)).toHaveLength(1)
      const next = await startExample(service.address, '10.9.0.0/30')
      expect((await callAttacher(host, 'ADD', 'bridge', pod, keys)).status).toBe(0)
      expect(readdirSync(spoolDir)).toEqual([])
      await next.kill()
    })
  })

  it('GC releases what the list lacks', async () => {
    await withService('10.9.0.0/30', async (host, { address }) => {
      const config = { cniVersion: '1.1.0', name: 'net', ipam: { type: 'rpc', address } }
      const call = (verb: string, id: string, keys = {}) => host.cni('podwire-ipam-rpc', verb, { ...config, ...keys }, { netns: '/n', id })
      await call('ADD', 'a')
      await call('GC', '', { 'cni.dev/valid-attachments': [{ containerID: 'a', ifname: 'eth0' }] })
      expect((await call('ADD', 'b')).json).toMatchObject({ code: 11 })
      await call('GC', '', { 'cni.dev/valid-attachments': [] })
      expect((await call('ADD', 'b')).status).toBe(0)
    })
  })

  it('works over TCP of both families', async () => {
    await withHost(async (host) => {
      for (const [i, at] of ['127.0.0.1', '[::1]'].entries()) {
        const address = `http://${at}:946${i}`
        const script = `"$0" "$1" "$2" 10.9.0.0/24 </dev/null >/dev/null 2>&1 & echo $!
          for i in $(seq 200); do ss -Hltn "sport = :946${i}" | grep -q . && break; sleep 0.1; done`
        const pid = (await host.run('sh', '-c', script, process.execPath, exampleServer, address)).trim()
        const config = { cniVersion: '1.1.0', name: 'net', ipam: { type: 'rpc', address } }
        const added = await host.cni('podwire-ipam-rpc', 'ADD', config, { netns: '/n', id: 'a' })
        await host.run('kill', pid)
        expect({ at, status: added.status, addresses: addressesOf(added.json) }).toEqual({ at, status: 0, addresses: ['10.9.0.2/24'] })
      }
    })
  })
})
