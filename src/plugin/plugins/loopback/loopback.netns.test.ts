// The plugin `loopback` on the kernel.

import { expect, it } from 'vitest'
import { linkOf } from '../../../../test/harness/bridge.ts'
import { describeHost, withHost } from '../../../../test/harness/netns.ts'
import { type CniVersion, cniVersions } from '../../../cni/types.ts'

const config = { cniVersion: '1.1.0', name: 'lo', type: 'loopback' }
const sandbox = '/var/run/netns/pod1'

const lo = { name: 'lo', mac: '00:00:00:00:00:00', sandbox }
const v4 = { address: '127.0.0.1/8', interface: 0 }
const v6 = { address: '::1/128', interface: 0 }
const oldShape = { ip4: { ip: '127.0.0.1/8' }, ip6: { ip: '::1/128' }, dns: {} }
const middleShape = {
  dns: {},
  interfaces: [lo],
  ips: [
    { version: '4', ...v4 },
    { version: '6', ...v6 },
  ],
}
const shapes: Record<CniVersion, object> = {
  '0.1.0': oldShape,
  '0.2.0': oldShape,
  '0.3.0': middleShape,
  '0.3.1': middleShape,
  '0.4.0': middleShape,
  '1.0.0': { interfaces: [lo], ips: [v4, v6] },
  '1.1.0': { interfaces: [{ ...lo, mtu: 65536 }], ips: [v4, v6] },
}

describeHost('loopback', () => {
  it.each(cniVersions)('%s: brings lo up and returns its addresses, whatever CNI_IFNAME is; down again with DEL', async (cniVersion) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const call = { netns: pod.netns, ifname: 'eth0' }
      const own = { ...config, cniVersion }
      const { status, json } = await host.cni('loopback', 'ADD', own, call)
      expect({ status, json }).toEqual({ status: 0, json: { cniVersion, ...shapes[cniVersion] } })
      expect(await linkOf(pod, 'lo')).toMatchObject({ up: true, addresses: ['127.0.0.1/8', '::1/128'] })
      expect((await pod.exec('ping', ['-c', '1', '-W', '1', '127.0.0.1'])).status).toBe(0)
      for (const _time of ['once', 'again']) expect(await host.cni('loopback', 'DEL', own, call)).toMatchObject({ status: 0, stdout: '' })
      expect((await linkOf(pod, 'lo'))?.up).toBe(false)
    })
  })

  it('CHECK passes after ADD and finds that lo is down', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const call = { netns: pod.netns }
      const { json } = await host.cni('loopback', 'ADD', config, call)
      expect(await host.cni('loopback', 'CHECK', { ...config, prevResult: json }, call)).toMatchObject({ status: 0, stdout: '' })
      await pod.exec('ip', ['link', 'set', 'lo', 'down'])
      const found = await host.cni('loopback', 'CHECK', { ...config, prevResult: json }, call)
      expect(found).toMatchObject({ status: 1, json: { code: 999, msg: `interface lo is down in ${sandbox}` } })
      expect((await linkOf(pod, 'lo'))?.up).toBe(false)
    })
  })

  it('passes on the previous result when chained', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const prevResult = {
        cniVersion: '1.1.0',
        interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox }],
        ips: [{ address: '10.1.0.2/24', interface: 0 }],
      }
      const { json } = await host.cni('loopback', 'ADD', { ...config, prevResult }, { netns: pod.netns })
      expect(json).toMatchObject(prevResult)
      expect((await linkOf(pod, 'lo'))?.up).toBe(true)
    })
  })

  it('an address on lo that is not a loopback address is an error', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await pod.exec('ip', ['addr', 'add', '10.7.0.1/32', 'dev', 'lo'])
      const { status, json } = await host.cni('loopback', 'ADD', config, { netns: pod.netns })
      expect({ status, json }).toMatchObject({ status: 1, json: { code: 7, msg: expect.stringContaining('10.7.0.1/32') } })
      expect((await linkOf(pod, 'lo'))?.up).toBe(false)
    })
  })

  it.each(['', '/nowhere', '/etc/hostname', '/etc/hostname/x', '/etc', '/run/pipe'])(
    'DEL succeeds where the namespace is gone: %j',
    async (netns) => {
      await withHost(async (host) => {
        await host.run('mkfifo', '/run/pipe')
        expect(await host.cni('loopback', 'DEL', config, { netns, timeout: 3000 })).toMatchObject({ status: 0, stdout: '' })
      })
    },
  )

  it('GC and STATUS succeed', async () => {
    await withHost(async (host) => {
      for (const verb of ['GC', 'STATUS']) expect(await host.cni('loopback', verb, config), verb).toMatchObject({ status: 0, stdout: '' })
    })
  })
})
