// The same attachment as a result of every protocol version, and as the prevResult of CHECK and DEL.

import { expect, it } from 'vitest'
import { leases, linkOf, network, refuse } from '../../../../test/harness/bridge.ts'
import { describeHost, withHost } from '../../../../test/harness/netns.ts'
import { type CniVersion, cniVersions } from '../../../cni/types.ts'

const sandbox = '/var/run/netns/pod1'
const interfaces = [
  { name: 'br0', mac: '0a:58:0a:01:00:01' },
  { name: expect.stringMatching(/^veth[0-9a-f]{8}$/), mac: expect.any(String) },
  { name: 'eth0', mac: '0a:58:0a:01:00:02', sandbox },
]
const route = { dst: '0.0.0.0/0', gw: '10.1.0.1' }
const dns = { nameservers: ['10.1.0.3'], domain: 'pod.test' }
const ip = { address: '10.1.0.2/24', gateway: '10.1.0.1', interface: 2 }
const withMtu = interfaces.map((one) => ({ ...one, mtu: 1500 }))

const shapes: Record<CniVersion, object> = {
  '0.1.0': { ip4: { ip: '10.1.0.2/24', gateway: '10.1.0.1', routes: [route] }, dns },
  '0.2.0': { ip4: { ip: '10.1.0.2/24', gateway: '10.1.0.1', routes: [route] }, dns },
  '0.3.0': { interfaces, ips: [{ version: '4', ...ip }], routes: [route], dns },
  '0.3.1': { interfaces, ips: [{ version: '4', ...ip }], routes: [route], dns },
  '0.4.0': { interfaces, ips: [{ version: '4', ...ip }], routes: [route], dns },
  '1.0.0': { interfaces, ips: [ip], routes: [route], dns },
  '1.1.0': { interfaces: withMtu, ips: [ip], routes: [route], dns },
}

describeHost('bridge in every version', () => {
  it.each(cniVersions)('%s: ADD answers in its format, and CHECK and DEL accept that answer', async (cniVersion) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const call = { netns: pod.netns }
      const config = { ...network, cniVersion, isDefaultGateway: true, dns }
      const { status, json } = await host.cni('bridge', 'ADD', config, call)
      expect({ status, json }).toEqual({ status: 0, json: { cniVersion, ...shapes[cniVersion] } })
      // Runtimes give the result back from 0.4.0 on; what comes with an older one is not looked at.
      const known = { ...config, prevResult: json }
      const number = cniVersions.indexOf(cniVersion)
      if (number < cniVersions.indexOf('0.4.0')) {
        expect(await refuse(host, 'CHECK', known, call)).toMatchObject({ code: 1 })
      } else {
        expect(await host.cni('bridge', 'CHECK', known, call)).toMatchObject({ status: 0, stdout: '' })
      }
      for (const verb of ['GC', 'STATUS']) {
        const outcome = await host.cni('bridge', verb, {
          ...config,
          'cni.dev/valid-attachments': [{ containerID: 'podwire-test', ifname: 'eth0' }],
        })
        if (cniVersion === '1.1.0') expect(outcome).toMatchObject({ status: 0, stdout: '' })
        else expect(outcome).toMatchObject({ status: 1, json: { code: 1 } })
      }
      expect(await leases(host)).not.toBe('')
      expect(await host.cni('bridge', 'DEL', known, call)).toMatchObject({ status: 0, stdout: '' })
      expect([await linkOf(pod, 'eth0'), await leases(host)]).toEqual([null, ''])
    })
  })

  it('an unknown version is rejected with code 1 before anything is done', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      for (const verb of ['ADD', 'DEL', 'CHECK']) {
        expect(await refuse(host, verb, { ...network, cniVersion: '9.9.9' }, { netns: pod.netns }), verb).toMatchObject({ code: 1 })
      }
      expect([await linkOf(host, 'br0'), await linkOf(pod, 'eth0')]).toEqual([null, null])
    })
  })
})
