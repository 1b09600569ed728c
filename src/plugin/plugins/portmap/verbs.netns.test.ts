// The input of the plugin and its answers: versions, what it passes on, what it rejects before it changes anything, STATUS.

import { expect, it } from 'vitest'
import { describeHost, pluginPath, withHost } from '../../../../test/harness/netns.ts'
import { filterOf, kinds, podRules, portmap, refuse, resultFor, succeed } from '../../../../test/harness/portmap.ts'
import { withMachines } from '../../../../test/harness/traffic.ts'
import { cniVersions } from '../../../cni/types.ts'

const [nft] = kinds
const ports = ['tcp 8080 80']

describeHost('portmap', () => {
  it.each(cniVersions)('passes prevResult on and forwards to its address when the version is %s', { timeout: 30_000 }, (cniVersion) =>
    withMachines(async ({ host, a }) => {
      const { interfaces, ips } = resultFor(a)
      const legacy = { cniVersion, ip4: { ip: '10.1.0.2/24', gateway: '10.1.0.1', routes: [{ dst: '0.0.0.0/0' }] }, dns: { domain: 'x' } }
      const rest = { routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }], dns: { nameservers: ['10.0.0.53'] } }
      const versioned = {
        cniVersion,
        interfaces,
        ips: ips.map((ip) => ({ version: ip.address.includes(':') ? '6' : '4', ...ip })),
        ...rest,
      }
      const more = { mtu: 1400, socketPath: '/s', pciID: '1' }
      const current = {
        cniVersion,
        interfaces: interfaces.map((one) => ({ ...one, ...more })),
        ips,
        ...rest,
      }
      const prevResult = cniVersion < '0.3.0' ? legacy : cniVersion < '1.0.0' ? versioned : current
      const given = { ports, more: { cniVersion, prevResult } }
      expect(await succeed(host, 'ADD', a, given)).toEqual(prevResult)
      expect((await podRules(host, nft)).join('\n')).toContain('tcp dport 8080 dnat to 10.1.0.2:80')
      const checked = await portmap(host, 'CHECK', a, given)
      expect(checked.status).toBe(cniVersion < '0.4.0' ? 1 : 0)
      for (let i = 0; i < 2; i++) await succeed(host, 'DEL', a, given)
      expect(await podRules(host, nft)).toEqual([])
    }),
  )

  it('passes prevResult on and changes nothing when it has no mappings', () =>
    withMachines(async ({ host, a }) => {
      expect(await succeed(host, 'ADD', a)).toEqual(resultFor(a))
      await succeed(host, 'CHECK', a)
      await succeed(host, 'DEL', a)
      expect(await filterOf(host, nft)).toEqual([])
    }))

  it.each([
    ['ADD without prevResult', 'ADD', { prevResult: undefined }, 7, 'prevResult: is missing'],
    ['CHECK without prevResult', 'CHECK', { prevResult: undefined }, 7, 'prevResult: is missing'],
    [
      'a bad mark',
      'ADD',
      { backend: 'iptables', markMasqBit: 77 },
      7,
      'invalid network configuration: markMasqBit: MasqMarkBit must be between 0 and 31, got 77',
    ],
    [
      'an unknown chain of others',
      'ADD',
      { backend: 'iptables', externalSetMarkChain: 'NOBODY' },
      5,
      'portmap: iptables-restore failed with status 2',
    ],
    ['a condition that nft does not know', 'ADD', { conditionsV4: ['nonsense'] }, 5, 'portmap: nft failed with status 1'],
    [
      'a condition that iptables does not know',
      'ADD',
      { backend: 'iptables', conditionsV4: ['--nonsense'] },
      5,
      'portmap: iptables-restore failed with status 2',
    ],
  ])('rejects %s and changes nothing', (_, verb, more, code, msg) =>
    withMachines(async ({ host, a }) => {
      const kind = 'backend' in more ? kinds[1] : nft
      expect(await refuse(host, verb, a, { ports, kind, more })).toMatchObject({ code, msg })
      expect(await podRules(host, kind)).toEqual([])
      expect((await host.run('sysctl', '-n', 'net.ipv4.conf.veth-a.route_localnet')).trim()).toBe('0')
    }),
  )

  it('stays inside a comment when a name has characters of nft’s language', () =>
    withMachines(async ({ host, a }) => {
      const args = 'IgnoreUnknown=1;K8S_POD_NAMESPACE=x"\nCOMMIT\n*filter\n-A INPUT -j DROP;K8S_POD_NAME=$(reboot)";odd'
      for (const kind of kinds.slice(0, 2)) {
        await succeed(host, 'ADD', a, { kind, ports, args })
        await succeed(host, 'CHECK', a, { kind, ports, args })
        await succeed(host, 'DEL', a, { kind })
        expect(await podRules(host, kind)).toEqual([])
      }
      expect(await host.run('iptables-save', '-t', 'filter')).not.toContain('DROP')
      expect((await refuse(host, 'ADD', a, { ports, id: 'a"; flush ruleset' })).code).toBe(4)
    }))

  it('STATUS reports what is missing when the backend cannot work', () =>
    withHost(async (host) => {
      const status = async (more: object, PATH = '/usr/sbin:/usr/bin') => {
        const config = { cniVersion: '1.1.0', name: 'net', type: 'portmap', ...more }
        const env = [`PATH=${PATH}`, 'CNI_COMMAND=STATUS', `CNI_PATH=${pluginPath}`]
        const { status, stdout } = await host.exec('/usr/bin/env', ['-i', ...env, `${pluginPath}/portmap`], {
          stdin: JSON.stringify(config),
        })
        return status === 0 ? 'ready' : [JSON.parse(stdout).code, JSON.parse(stdout).msg]
      }
      expect(await status({})).toBe('ready')
      expect(await status({ backend: 'nftables' })).toBe('ready')
      expect(await status({}, '/none')).toBe('ready')
      expect(await status({ backend: 'iptables' }, '/none')).toEqual([50, 'backend: "iptables" needs iptables-restore in /none'])
      expect(await status({ backend: 'nftables', conditionsV4: ['iifname', 'x'] }, '/none')).toEqual([
        50,
        'conditionsV4, conditionsV6: need nft in /none: install nftables, or leave them out',
      ])
      expect(await status({ backend: 'pf' })).toEqual([7, 'invalid network configuration: backend: unrecognized backend "pf"'])
    }))
})
