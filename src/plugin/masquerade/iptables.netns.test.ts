// The iptables backend of masquerade: what only it does. masquerade.netns.test.ts has what every backend does.

import fs from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Answer,
  MASQUERADE_CHAIN as CHAIN,
  callDoor,
  hasIptables,
  iptablesV4,
  pathWith,
  variants,
} from '../../../test/harness/masquerade.ts'
import { buildProgram } from '../../../test/harness/native.ts'
import { describeHost, type Host, withHost } from '../../../test/harness/netns.ts'

const both = ['10.15.20.2/24', 'fd00::2/64']

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
    it('makes the rules of one family when the pod has one address', () =>
      inHost(async (call, save) => {
        expect(await call({ verb: 'add', ips: ['10.15.20.2/24'] })).toEqual({})
        expect(await save()).toEqual(iptablesV4)
        expect(await save('ip6tables')).toEqual([])
      }))

    it('accepts every subnet of a pod before it masquerades when the pod has two', () =>
      inHost(async (call, save) => {
        await call({ verb: 'add', ips: ['10.15.20.2/24'] })
        await call({ verb: 'add', ips: ['10.15.20.2/24', '10.9.0.7/16'] })
        const chain = (await save()).filter((line) => line.startsWith(`-A ${CHAIN}`)).map((line) => line.split(' ').at(-1))
        expect(chain).toEqual(['ACCEPT', 'ACCEPT', 'MASQUERADE'])
        expect((await save()).filter((line) => line.startsWith('-A POSTROUTING'))).toHaveLength(2)
      }))

    it('removes all rules when an older plugin has left a jump by CIDR and rules of its own', () =>
      inHost(async (call, save, host, PATH) => {
        const jump = ['-t', 'nat', '-A', 'POSTROUTING', '-s', '10.15.20.0/24', '-j', CHAIN]
        for (const args of [['-t', 'nat', '-N', CHAIN], jump, jump, ['-t', 'nat', '-A', CHAIN, '-d', '10.1.0.0/16', '-j', 'RETURN']]) {
          await host.exec('iptables', args, { env: { PATH } })
        }
        expect(await save()).toHaveLength(3)
        expect(await call({ verb: 'remove' })).toEqual({})
        expect(await save()).toEqual([])
      }))

    it('reports stderr when iptables fails', () =>
      inHost(async (call, _, host) => {
        fs.writeFileSync(`${host.dir}/ip6tables-save`, '#!/bin/sh\n', { mode: 0o755 })
        fs.writeFileSync(`${host.dir}/ip6tables-restore`, '#!/bin/sh\necho "No such table" >&2; exit 3\n', { mode: 0o755 })
        const output = await callDoor(host, program, { verb: 'add', backend: 'iptables', ips: both.slice(1) }, host.dir)
        expect(output).toEqual({ code: 5, message: 'masquerade: ip6tables-restore failed with status 3', details: 'No such table' })
        expect(await call({ verb: 'remove' })).toEqual({})
      }))

    it('leaves chains of other programs on GC when their names are alike', () =>
      inHost(async (call, _save, host, PATH) => {
        const chains = ['CNI-DN-26633426ea992aa1f0477', 'CNI-000000000000000000000000']
        for (const chain of chains) await host.exec('iptables', ['-t', 'nat', '-N', chain], { env: { PATH } })
        await call({ verb: 'add', id: 'dead', ips: ['10.15.20.2/24'] })
        expect(await call({ verb: 'gc', valid: [] })).toEqual({})
        const { stdout } = await host.exec('iptables-save', ['-t', 'nat'], { env: { PATH } })
        for (const chain of chains) expect(stdout).toContain(`:${chain} `)
        expect(stdout).not.toContain('dead')
      }))
  })
})

describeHost('masquerade with iptables', () => {
  it.skipIf(!hasIptables('legacy'))('reports “try again later” when another program holds the lock', () =>
    withHost(async (host) => {
      const PATH = pathWith(host, 'legacy')
      await host.exec('sh', ['-c', 'flock /run/xtables.lock sleep 20 >/dev/null 2>&1 </dev/null &'])
      const output = await callDoor(host, program, { verb: 'add', backend: 'iptables', ips: ['10.15.20.2/24'] }, PATH)
      expect(output).toMatchObject({ code: 11, message: expect.stringContaining('holds the xtables lock') })
    }),
  )

  it('reports what to install when the host has no iptables', () =>
    withHost(async (host) => {
      const output = await callDoor(host, program, { verb: 'add', backend: 'iptables', ips: ['10.15.20.2/24'] }, '/none')
      expect(output).toEqual({
        code: 2,
        message: 'ipMasqBackend: "iptables" needs iptables-restore in /none: install iptables, or choose "nftables"',
        details: '',
      })
    }))

  it('starts no process on DEL when the kernel has no chain', () =>
    withHost(async (host) => {
      expect(await callDoor(host, program, { verb: 'remove' }, '/none')).toEqual({})
      const { stderr } = await host.exec('strace', ['-f', '-e', 'trace=clone,clone3,fork,vfork', program, '{"verb":"remove"}'])
      expect(stderr).not.toMatch(/clone|fork/)
    }))

  it.skipIf(!hasIptables('nft') || !hasIptables('legacy'))('removes from iptables-nft and iptables-legacy when both have rules', () =>
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
