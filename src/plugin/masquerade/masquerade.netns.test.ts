// What every masquerade backend does on the kernel of this machine, each in a host of its own, and next to the Go plugins.

import fs from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Answer, callDoor, goBridge, goPlugins, kindsHere, type MasqueradeKind } from '../../../test/harness/masquerade.ts'
import { buildProgram } from '../../../test/harness/native.ts'
import { describeHost, type Host, withHost } from '../../../test/harness/netns.ts'

const both = ['10.15.20.2/24', 'fd00::2/64']
const hasGo = fs.existsSync(`${goPlugins}/bridge`)

let program = ''
beforeAll(() => {
  program = buildProgram('masquerade', 'masquerade=src/plugin/masquerade/backends.ts')
})

describe.each(kindsHere)('masquerade with $name', (kind: MasqueradeKind) => {
  const inHost = (body: (call: (call: object) => Promise<Answer>, rules: () => Promise<string[]>, host: Host) => Promise<void>) =>
    withHost((host) => {
      const call = (given: object) => callDoor(host, program, { backend: kind.backend, ...given }, kind.path(host))
      return body(call, () => kind.rules(host), host)
    })

  describeHost('on the kernel', () => {
    it('makes the rules of both families once when ADD is repeated', () =>
      inHost(async (call, rules) => {
        for (let i = 0; i < 3; i++) expect(await call({ verb: 'add', ips: both })).toEqual({})
        expect(await rules()).toEqual([...kind.rulesV4, ...kind.rulesV6])
        expect(await call({ verb: 'check', ips: both })).toEqual({})
      }))

    it.each(kind.damages)('reports on CHECK and restores on ADD when $what', ({ command, message }) =>
      inHost(async (call, rules, host) => {
        await call({ verb: 'add', ips: both })
        await host.run(...command)
        const damaged = await rules()
        expect(await call({ verb: 'check', ips: both })).toMatchObject({ message: expect.stringContaining(message) })
        expect(await rules()).toEqual(damaged)
        expect(await call({ verb: 'add', ips: both })).toEqual({})
        expect((await rules()).sort()).toEqual([...kind.rulesV4, ...kind.rulesV6].sort())
        expect(await call({ verb: 'check', ips: both })).toEqual({})
      }),
    )

    it('removes the rules of one container when another has some, and succeeds when there are none', () =>
      inHost(async (call, rules, host) => {
        expect(await call({ verb: 'remove' })).toEqual({})
        await host.run(...kind.unmanaged)
        await call({ verb: 'add', id: 'other', ips: both })
        const others = await rules()
        await call({ verb: 'add', ips: both })
        for (let i = 0; i < 2; i++) expect(await call({ verb: 'remove' })).toEqual({})
        expect(await rules()).toEqual(others)
        expect(await call({ verb: 'remove', id: 'other' })).toEqual({})
        expect((await rules()).filter((line) => kind.ownerOf(line) !== undefined)).toEqual([])
      }))

    it('removes on GC what belongs to the network and to no valid container', () =>
      inHost(async (call, rules) => {
        for (const [id, network] of [
          ['live', 'mybridge'],
          ['dead', 'mybridge'],
          ['dead', 'elsewhere'],
          ['dead', 'mybridge2'],
        ]) {
          await call({ verb: 'add', id, network, ips: both })
        }
        const owners = async () => [...new Set((await rules()).map(kind.ownerOf))].sort()
        expect(await call({ verb: 'gc', valid: [{ containerId: 'live', ifname: 'eth0' }] })).toEqual({})
        expect(await owners()).toEqual(['elsewhere dead', 'mybridge live', 'mybridge2 dead'])
        expect(await call({ verb: 'gc', valid: [] })).toEqual({})
        expect(await owners()).toEqual(['elsewhere dead', 'mybridge2 dead'])
      }))

    it('makes and removes all rules when twenty ADDs and twenty DELs run at once', () =>
      inHost(async (call, rules) => {
        const ids = Array.from({ length: 20 }, (_, i) => i + 2)
        const added = await Promise.all(ids.map((i) => call({ verb: 'add', id: `c${i}`, ips: [`10.15.20.${i}/24`] })))
        expect(added.filter(({ message }) => message)).toEqual([])
        expect(await rules()).toHaveLength(20 * kind.rulesV4.length)
        const removed = await Promise.all(ids.map((i) => call({ verb: 'remove', id: `c${i}` })))
        expect(removed.filter(({ message }) => message)).toEqual([])
        expect(await rules()).toEqual([])
      }))

    it.each([
      ['the network’s name tries to end the comment', { network: 'x"\nCOMMIT\n*filter\n-A INPUT -j DROP\nCOMMIT\n', id: '\\' }],
      ['the container’s id is longer than a comment', { network: 'mybridge', id: 'c'.repeat(200) }],
    ])('finds its rules again when %s', (_, names) =>
      inHost(async (call, rules) => {
        expect(await call({ verb: 'add', ...names, ips: ['10.15.20.2/24'] })).toEqual({})
        expect(await rules()).toHaveLength(kind.rulesV4.length)
        expect(await call({ verb: 'check', ...names, ips: ['10.15.20.2/24'] })).toEqual({})
        expect(await call({ verb: 'gc', ...names, valid: [] })).toEqual({})
        expect(await rules()).toEqual([])
      }),
    )

    it.skipIf(!hasGo)('removes what the Go plugin added, and the Go plugin removes podwire’s rules, when both use the backend', () =>
      inHost(async (call, rules, host) => {
        const pod = await host.pod()
        const go = (verb: 'ADD' | 'DEL') =>
          goBridge(host, verb, kind.path(host), { ipMasq: true, ipMasqBackend: kind.backend }, pod.netns, '1234567890')
        expect(await go('ADD')).toMatchObject({ status: 0 })
        expect(await rules()).toEqual(kind.rulesV4)
        expect(await call({ verb: 'check', ips: ['10.15.20.2/24'] })).toEqual({})
        expect(await call({ verb: 'add', ips: ['10.15.20.2/24'] })).toEqual({})
        expect(await rules()).toEqual(kind.rulesV4)
        expect(await call({ verb: 'remove' })).toEqual({})
        expect(await rules()).toEqual([])
        await call({ verb: 'add', ips: ['10.15.20.2/24'] })
        expect(await go('DEL')).toMatchObject({ status: 0 })
        expect(await rules()).toEqual([])
      }),
    )
  })
})
