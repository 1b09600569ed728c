// Both backends on the kernel of this machine, each in a host of its own, and side by side with the Go plugins.

import fs from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Answer, callDoor, goBridge, goPlugins, hasIptables, pathWith, variants } from '../../../test/harness/masquerade.ts'
import { buildProgram } from '../../../test/harness/native.ts'
import { describeHost, type Host, withHost } from '../../../test/harness/netns.ts'

const CHAIN = 'CNI-26633426ea992aa1f0477097'
const COMMENT = '-m comment --comment "name: \\"mybridge\\" id: \\"1234567890\\""'
const w1 = [
  `-A POSTROUTING -s 10.15.20.2/32 ${COMMENT} -j ${CHAIN}`,
  `-A ${CHAIN} -d 10.15.20.0/24 ${COMMENT} -j ACCEPT`,
  `-A ${CHAIN} ! -d 224.0.0.0/4 ${COMMENT} -j MASQUERADE`,
]
const w1v6 = [
  `-A POSTROUTING -s fd00::2/128 ${COMMENT} -j ${CHAIN}`,
  `-A ${CHAIN} -d fd00::/64 ${COMMENT} -j ACCEPT`,
  `-A ${CHAIN} ! -d ff00::/8 ${COMMENT} -j MASQUERADE`,
]
const both = ['10.15.20.2/24', 'fd00::2/64']
const hasGo = fs.existsSync(`${goPlugins}/bridge`)

let program = ''
beforeAll(() => {
  program = buildProgram('masquerade', 'masquerade=src/plugin/masquerade/backends.ts')
})

const ruleLines = (text: string) => text.split('\n').filter((line) => line.startsWith('-A '))

describe.each(variants.filter(hasIptables))('masquerade with iptables-%s', (variant) => {
  const inHost = (
    body: (call: (call: object) => Promise<Answer>, save: (tool?: string) => Promise<string[]>, host: Host, PATH: string) => Promise<void>,
  ) =>
    withHost(async (host) => {
      const PATH = pathWith(host, variant)
      const save = async (tool = 'iptables') => ruleLines((await host.exec(`${tool}-save`, ['-t', 'nat'], { env: { PATH } })).stdout)
      await body((call) => callDoor(host, program, call, PATH), save, host, PATH)
    })

  describeHost('on the kernel', () => {
    it('is the rules of the walkthrough when the pod has one address', () =>
      inHost(async (call, save) => {
        expect(await call({ verb: 'add', ips: ['10.15.20.2/24'] })).toEqual({})
        expect(await save()).toEqual(w1)
        expect(await save('ip6tables')).toEqual([])
      }))

    it('is both families’ rules when the pod has both, once, however often it is added', () =>
      inHost(async (call, save) => {
        for (let i = 0; i < 3; i++) expect(await call({ verb: 'add', ips: both })).toEqual({})
        expect([await save(), await save('ip6tables')]).toEqual([w1, w1v6])
        expect(await call({ verb: 'check', ips: both })).toEqual({})
      }))

    it('lets every subnet of a pod through before it masquerades', () =>
      inHost(async (call, save) => {
        await call({ verb: 'add', ips: ['10.15.20.2/24'] })
        await call({ verb: 'add', ips: ['10.15.20.2/24', '10.9.0.7/16'] })
        const chain = (await save()).filter((line) => line.startsWith(`-A ${CHAIN}`)).map((line) => line.split(' ').at(-1))
        expect(chain).toEqual(['ACCEPT', 'ACCEPT', 'MASQUERADE'])
        expect((await save()).filter((line) => line.startsWith('-A POSTROUTING'))).toHaveLength(2)
      }))

    it('adds what is missing when some of it is gone', () =>
      inHost(async (call, save, host, PATH) => {
        await call({ verb: 'add', ips: ['10.15.20.2/24'] })
        await host.exec('iptables', ['-t', 'nat', '-F', 'POSTROUTING'], { env: { PATH } })
        expect(await call({ verb: 'check', ips: ['10.15.20.2/24'] })).toMatchObject({
          message: expect.stringContaining(`-A POSTROUTING -s 10.15.20.2`),
        })
        expect(await call({ verb: 'add', ips: ['10.15.20.2/24'] })).toEqual({})
        expect((await save()).sort()).toEqual([...w1].sort())
      }))

    it('is gone after remove, which is fine twice and leaves others alone', () =>
      inHost(async (call, save, host, PATH) => {
        await host.exec('iptables', ['-t', 'nat', '-A', 'POSTROUTING', '-s', '10.0.0.0/8', '-j', 'MASQUERADE'], { env: { PATH } })
        const others = await save()
        await call({ verb: 'add', ips: both })
        await call({ verb: 'add', id: 'other', ips: ['10.15.20.3/24'] })
        expect(await call({ verb: 'remove' })).toEqual({})
        expect(await call({ verb: 'remove' })).toEqual({})
        expect((await save()).some((line) => line.includes(CHAIN))).toBe(false)
        expect((await save()).filter((line) => line.includes('\\"other\\"'))).toHaveLength(3)
        await call({ verb: 'remove', id: 'other' })
        expect([await save(), await save('ip6tables')]).toEqual([others, []])
      }))

    it('is gone after remove when an older plugin had left a jump by CIDR, and rules of its own', () =>
      inHost(async (call, save, host, PATH) => {
        const jump = ['-t', 'nat', '-A', 'POSTROUTING', '-s', '10.15.20.0/24', '-j', CHAIN]
        for (const args of [['-t', 'nat', '-N', CHAIN], jump, jump, ['-t', 'nat', '-A', CHAIN, '-d', '10.1.0.0/16', '-j', 'RETURN']]) {
          await host.exec('iptables', args, { env: { PATH } })
        }
        expect(await save()).toHaveLength(3)
        expect(await call({ verb: 'remove' })).toEqual({})
        expect(await save()).toEqual([])
      }))

    it('collects what belongs to the network and to no live container', () =>
      inHost(async (call, save, host, PATH) => {
        await host.exec('iptables', ['-t', 'nat', '-N', 'CNI-DN-26633426ea992aa1f0477'], { env: { PATH } })
        await host.exec('iptables', ['-t', 'nat', '-N', 'CNI-000000000000000000000000'], { env: { PATH } })
        await call({ verb: 'add', id: 'live', ips: both })
        await call({ verb: 'add', id: 'dead', ips: both })
        await call({ verb: 'add', id: 'dead', network: 'elsewhere', ips: both })
        await call({ verb: 'add', id: 'dead', network: 'mybridge2', ips: both })
        expect(await call({ verb: 'gc', valid: [{ containerId: 'live', ifname: 'eth0' }] })).toEqual({})
        for (const rules of [await save(), await save('ip6tables')]) {
          const owners = rules.filter((line) => line.startsWith('-A POSTROUTING')).map((line) => line.split('\\"').filter((_, i) => i % 2))
          expect(owners.sort()).toEqual([
            ['elsewhere', 'dead'],
            ['mybridge', 'live'],
            ['mybridge2', 'dead'],
          ])
        }
        expect(await call({ verb: 'gc', valid: [] })).toEqual({})
        expect((await save()).join('\n')).not.toContain('live')
        const chains = (await host.exec('iptables-save', ['-t', 'nat'], { env: { PATH } })).stdout
        expect(chains).toContain(':CNI-DN-26633426ea992aa1f0477 ')
        expect(chains).toContain(':CNI-000000000000000000000000 ')
      }))

    it('holds when twenty at a time come and go', () =>
      inHost(async (call, save) => {
        const ids = Array.from({ length: 20 }, (_, i) => i + 2)
        const added = await Promise.all(ids.map((i) => call({ verb: 'add', id: `c${i}`, ips: [`10.15.20.${i}/24`] })))
        expect(added.filter(({ message }) => message)).toEqual([])
        expect(await save()).toHaveLength(60)
        const removed = await Promise.all(ids.map((i) => call({ verb: 'remove', id: `c${i}` })))
        expect(removed.filter(({ message }) => message)).toEqual([])
        expect(await save()).toEqual([])
      }))

    it('keeps hostile names inside the comment', () =>
      inHost(async (call, save) => {
        const network = 'x"\nCOMMIT\n*filter\n-A INPUT -j DROP\nCOMMIT\n'
        expect(await call({ verb: 'add', network, id: '\\', ips: ['10.15.20.2/24'] })).toEqual({})
        expect(await save()).toHaveLength(3)
        expect(await call({ verb: 'check', network, id: '\\', ips: ['10.15.20.2/24'] })).toEqual({})
        expect(await call({ verb: 'gc', network, valid: [] })).toEqual({})
        expect(await save()).toEqual([])
      }))

    it('reports the stderr of a failing iptables', () =>
      inHost(async (call, _, host) => {
        fs.writeFileSync(`${host.dir}/ip6tables-save`, '#!/bin/sh\n', { mode: 0o755 })
        fs.writeFileSync(`${host.dir}/ip6tables-restore`, '#!/bin/sh\necho "No such table" >&2; exit 3\n', { mode: 0o755 })
        const output = await callDoor(host, program, { verb: 'add', backend: 'iptables', ips: both.slice(1) }, host.dir)
        expect(output).toEqual({ code: 5, message: 'masquerade: ip6tables-restore failed with status 3', details: 'No such table' })
        expect(await call({ verb: 'remove' })).toEqual({})
      }))

    it.skipIf(!hasGo)('removes what the Go plugin added, and the Go plugin removes ours', () =>
      inHost(async (call, save, host, PATH) => {
        const pod = await host.pod()
        const added = await goBridge(host, 'ADD', PATH, { ipMasq: true, ipMasqBackend: 'iptables' }, pod.netns, '1234567890')
        expect(added).toMatchObject({ status: 0 })
        expect(await save()).toEqual(w1)
        expect(await call({ verb: 'check', ips: ['10.15.20.2/24'] })).toEqual({})
        expect(await call({ verb: 'add', ips: ['10.15.20.2/24'] })).toEqual({})
        expect(await save()).toEqual(w1)
        expect(await call({ verb: 'remove' })).toEqual({})
        expect(await save()).toEqual([])
        await call({ verb: 'add', ips: ['10.15.20.2/24'] })
        expect(await goBridge(host, 'DEL', PATH, { ipMasq: true }, pod.netns, '1234567890')).toMatchObject({ status: 0 })
        expect(await save()).toEqual([])
      }),
    )
  })
})

describeHost('masquerade with iptables', () => {
  it.skipIf(!hasIptables('legacy'))('says to try again when another program keeps the lock', () =>
    withHost(async (host) => {
      const PATH = pathWith(host, 'legacy')
      await host.exec('sh', ['-c', 'flock /run/xtables.lock sleep 20 >/dev/null 2>&1 </dev/null &'])
      const output = await callDoor(host, program, { verb: 'add', backend: 'iptables', ips: ['10.15.20.2/24'] }, PATH)
      expect(output).toMatchObject({ code: 11, message: expect.stringContaining('holds the xtables lock') })
    }),
  )

  it('says what to do when the host has none', () =>
    withHost(async (host) => {
      const output = await callDoor(host, program, { verb: 'add', backend: 'iptables', ips: ['10.15.20.2/24'] }, '/none')
      expect(output).toEqual({
        code: 2,
        message: 'ipMasqBackend: "iptables" needs iptables-restore in /none: install iptables, or choose "nftables"',
        details: '',
      })
    }))

  it('starts no process for remove when the kernel knows nothing of the chain', () =>
    withHost(async (host) => {
      expect(await callDoor(host, program, { verb: 'remove' }, '/none')).toEqual({})
      const { stderr } = await host.exec('strace', ['-f', '-e', 'trace=clone,clone3,fork,vfork', program, '{"verb":"remove"}'])
      expect(stderr).not.toMatch(/clone|fork/)
    }))

  it.skipIf(!hasIptables('nft') || !hasIptables('legacy'))('removes from both kinds when both are in use', () =>
    withHost(async (host) => {
      for (const variant of variants)
        await callDoor(host, program, { verb: 'add', backend: 'iptables', ips: both }, pathWith(host, variant))
      expect(await callDoor(host, program, { verb: 'remove' }, pathWith(host, 'nft'))).toEqual({})
      for (const variant of variants) {
        for (const tool of ['iptables-save', 'ip6tables-save']) {
          expect(ruleLines((await host.exec(tool, ['-t', 'nat'], { env: { PATH: pathWith(host, variant) } })).stdout)).toEqual([])
        }
      }
    }),
  )
})

describeHost('masquerade with nftables', () => {
  const rule = (ip: string, address: string, subnet: string, hash: string, rest: string) =>
    `${ip} saddr ${address} ${ip} daddr != ${subnet} masquerade comment "${hash}, ${rest}"`
  const own = [
    rule('ip', '10.15.20.2', '10.15.20.0/24', '6c7c6497465b641a-13c589d376a6dbbc', 'net: mybridge, if: eth0, id: 1234567890'),
    rule('ip6', 'fd00::2', 'fd00::/64', '6c7c6497465b641a-13c589d376a6dbbc', 'net: mybridge, if: eth0, id: 1234567890'),
  ]
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

  it('is the table of the Go plugins', () =>
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

  it('replaces what the attachment had when it comes again with another address', () =>
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

  it.each([
    ['the base chain is flushed', ['flush', 'chain', 'inet', 'cni_plugins_masquerade', 'postrouting']],
    ['the table is gone', ['delete', 'table', 'inet', 'cni_plugins_masquerade']],
  ])('is whole again after add when %s', (_, damage) =>
    inHost(async (call, list, host) => {
      await call({ verb: 'add', ips: both })
      await host.run('nft', ...damage)
      expect(await call({ verb: 'check', ips: both })).toMatchObject({ message: expect.stringContaining('lacks a rule') })
      expect(await call({ verb: 'add', ips: both })).toEqual({})
      expect(await call({ verb: 'check', ips: both })).toEqual({})
      expect(await list()).toEqual(own)
    }),
  )

  it('is gone after remove, which is fine twice and leaves others alone', () =>
    inHost(async (call, list) => {
      expect(await call({ verb: 'remove' })).toEqual({})
      await call({ verb: 'add', ips: both })
      await call({ verb: 'add', ifname: 'eth1', ips: ['10.15.20.8/24'] })
      for (let i = 0; i < 2; i++) expect(await call({ verb: 'remove' })).toEqual({})
      expect(await list()).toEqual([expect.stringContaining('if: eth1')])
    }))

  it('collects what belongs to the network and to no live attachment', () =>
    inHost(async (call, list) => {
      await call({ verb: 'add', id: 'live', ips: both })
      await call({ verb: 'add', id: 'live', ifname: 'eth1', ips: both })
      await call({ verb: 'add', id: 'dead', ips: both })
      await call({ verb: 'add', id: 'dead', network: 'elsewhere', ips: ['10.9.0.2/16'] })
      expect(await call({ verb: 'gc', valid: [{ containerId: 'live', ifname: 'eth1' }] })).toEqual({})
      const owners = (await list()).map((line) => line.slice(line.indexOf('net: '), -1))
      expect(owners).toEqual([...Array(2).fill('net: mybridge, if: eth1, id: live'), 'net: elsewhere, if: eth0, id: dead'])
    }))

  it('holds when twenty at a time come and go', () =>
    inHost(async (call, list) => {
      const ids = Array.from({ length: 20 }, (_, i) => i + 2)
      const added = await Promise.all(ids.map((i) => call({ verb: 'add', id: `c${i}`, ips: [`10.15.20.${i}/24`] })))
      expect(added.filter(({ message }) => message)).toEqual([])
      expect(await list()).toHaveLength(20)
      const removed = await Promise.all(ids.map((i) => call({ verb: 'remove', id: `c${i}` })))
      expect(removed.filter(({ message }) => message)).toEqual([])
      expect(await list()).toEqual([])
    }))

  it('cuts a comment that nft would not take, and still finds it', () =>
    inHost(async (call, list) => {
      const id = 'c'.repeat(200)
      await call({ verb: 'add', id, ips: both })
      expect(await list()).toHaveLength(2)
      expect(await call({ verb: 'remove', id })).toEqual({})
      expect(await list()).toEqual([])
    }))

  it('is chosen when none is named and the host has no iptables', () =>
    withHost(async (host) => {
      expect(await callDoor(host, program, { verb: 'add', ips: both }, '/none')).toEqual({})
      expect(await host.run('nft', 'list', 'tables')).toBe('table inet cni_plugins_masquerade\n')
    }))

  it.skipIf(!hasGo)('removes what the Go plugin added, and the Go plugin removes ours', () =>
    inHost(async (call, list, host) => {
      const pod = await host.pod()
      const config = { ipMasq: true, ipMasqBackend: 'nftables' }
      expect(await goBridge(host, 'ADD', PATH, config, pod.netns, '1234567890')).toMatchObject({ status: 0 })
      expect(await list()).toEqual(own.slice(0, 1))
      expect(await call({ verb: 'check', ips: ['10.15.20.2/24'] })).toEqual({})
      expect(await call({ verb: 'add', ips: ['10.15.20.2/24'] })).toEqual({})
      expect(await list()).toEqual(own.slice(0, 1))
      expect(await call({ verb: 'remove' })).toEqual({})
      expect(await list()).toEqual([])
      await call({ verb: 'add', ips: both })
      expect(await goBridge(host, 'DEL', PATH, config, pod.netns, '1234567890')).toMatchObject({ status: 0 })
      expect(await list()).toEqual([])
    }),
  )
})
