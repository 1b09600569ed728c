// What a chained plugin passes on of the result before: all that the Go plugins do, the keys of 1.1.0 in a chain of 1.0.0 among them, which SR-IOV
// plugins say and Multus reads.

import { describe, expect, it } from 'vitest'
import { cniVersions } from '../../src/cni/types.ts'
import { noGoReason } from '../clients/available.ts'
import { callMember } from '../harness/chained.ts'
import { describeHost, withHost } from '../harness/netns.ts'

const plugins = ['bandwidth', 'firewall', 'portmap', 'sbr', 'tuning'] as const
const hasGo = noGoReason(...plugins) === undefined
const added = { mtu: 1400, socketPath: '/run/vhost.sock', pciID: '0000:04:00.5' }
const routes = [{ dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1300, advmss: 1200, priority: 5, table: 100, scope: 0 }, { dst: 'fd09::/64' }]

const setUp = 'ip link add eth0 type veth peer name far; ip link set far up; ip addr add 10.1.0.2/24 dev eth0; ip link set eth0 up'

describeHost('a plugin behind others', () => {
  describe.each(cniVersions.filter((version) => version >= '0.4.0'))('in %s', (cniVersion) => {
    it.each(plugins)('passes prevResult on when it is %s', async (type) => {
      await withHost(async (host) => {
        for (const maker of hasGo ? (['ours', 'go'] as const) : (['ours'] as const)) {
          const pod = await host.pod()
          expect((await pod.exec('sh', ['-ec', setUp])).stderr).toBe('')
          const versioned = cniVersion < '1.0.0'
          const prevResult = {
            cniVersion,
            interfaces: [
              { name: 'vhost0', mac: '02:00:00:00:00:08', ...added },
              { name: 'eth0', sandbox: pod.netns, ...added },
            ],
            ips: [{ ...(versioned && { version: '4' }), interface: 1, address: '10.1.0.2/24', gateway: '10.1.0.1' }],
            routes,
            dns: { nameservers: ['10.0.0.53'] },
          }
          // What 0.4.0 has no place for is dropped.
          const bare = [
            { name: 'vhost0', mac: '02:00:00:00:00:08' },
            { name: 'eth0', sandbox: pod.netns },
          ]
          const { json } = await callMember(host, 'ADD', { type, maker }, pod, prevResult, { cniVersion })
          expect(json, maker).toEqual(versioned ? { ...prevResult, interfaces: bare } : prevResult)
        }
      })
    })
  })
})
