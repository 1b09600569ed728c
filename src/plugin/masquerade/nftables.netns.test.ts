// The nftables backend of masquerade: what only it does. masquerade.netns.test.ts has what every backend does.

import { beforeAll, expect, it } from 'vitest'
import { type Answer, callDoor, nftablesV4, nftablesV6 } from '../../../test/harness/masquerade.ts'
import { buildProgram } from '../../../test/harness/native.ts'
import { describeHost, type Host, withHost } from '../../../test/harness/netns.ts'

const both = ['10.15.20.2/24', 'fd00::2/64']
const own = [...nftablesV4, ...nftablesV6]

let program = ''
beforeAll(() => {
  program = buildProgram('masquerade', 'masquerade=src/plugin/masquerade/backends.ts')
})

describeHost('masquerade with nftables', () => {
  const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
  const inHost = (body: (call: (call: object) => Promise<Answer>, list: () => Promise<string[]>, host: Host) => Promise<void>) =>
    withHost((host) => {
      const list = async () =>
        (await host.run('nft', 'list', 'chain', 'inet', 'cni_plugins_masquerade', 'masq_checks'))
          .split('\n')
          .map((line) => line.trim())
          .filter((line) => line.startsWith('ip'))
      return body((call) => callDoor(host, program, { backend: 'nftables', ...call }, PATH), list, host)
    })

  it('makes the table of the Go plugins when ADD is repeated', () =>
    inHost(async (call, _, host) => {
      for (let i = 0; i < 3; i++) expect(await call({ verb: 'add', ips: both })).toEqual({})
      const ruleset = (await host.run('nft', 'list', 'ruleset'))
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean)
      expect(ruleset).toEqual([
        'table inet cni_plugins_masquerade {',
        'comment "Masquerading for plugins from github.com/containernetworking/plugins"',
        'chain masq_checks {',
        'comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet"',
        ...own,
        '}',
        'chain postrouting {',
        'type nat hook postrouting priority srcnat; policy accept;',
        'ip daddr 224.0.0.0/4 return',
        'ip6 daddr ff00::/8 return',
        'goto masq_checks',
        '}',
        '}',
      ])
      expect(await call({ verb: 'check', ips: both })).toEqual({})
    }))

  it('replaces the attachment’s rules when ADD has another address', () =>
    inHost(async (call, list) => {
      await call({ verb: 'add', ips: ['10.15.20.9/24'] })
      await call({ verb: 'add', ifname: 'eth1', ips: ['10.15.20.8/24'] })
      expect(await call({ verb: 'add', ips: both })).toEqual({})
      const lines = await list()
      expect(lines).toHaveLength(3)
      expect(lines.slice(1)).toEqual(own)
      expect(lines[0]).toContain('if: eth1')
      expect(await call({ verb: 'check', ips: ['10.15.20.9/24'] })).toEqual({
        code: 999,
        message: 'masquerade: nftables rule for 10.15.20.9/24 is missing',
        details: '',
      })
    }))

  it('removes on GC the rules of one interface when another of the container is valid', () =>
    inHost(async (call, list) => {
      await call({ verb: 'add', id: 'live', ips: both })
      await call({ verb: 'add', id: 'live', ifname: 'eth1', ips: both })
      await call({ verb: 'add', id: 'dead', ips: both })
      await call({ verb: 'add', id: 'dead', network: 'elsewhere', ips: ['10.9.0.2/16'] })
      expect(await call({ verb: 'gc', valid: [{ containerId: 'live', ifname: 'eth1' }] })).toEqual({})
      const owners = (await list()).map((line) => line.slice(line.indexOf('net: '), -1))
      expect(owners).toEqual([...Array(2).fill('net: mybridge, if: eth1, id: live'), 'net: elsewhere, if: eth0, id: dead'])
    }))

  it('is the default backend when the host has no iptables', () =>
    withHost(async (host) => {
      expect(await callDoor(host, program, { verb: 'add', ips: both }, '/none')).toEqual({})
      expect(await host.run('nft', 'list', 'tables')).toBe('table inet cni_plugins_masquerade\n')
    }))
})
