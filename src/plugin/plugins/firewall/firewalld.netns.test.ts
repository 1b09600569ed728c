// The firewalld backend on a real D-Bus, with a stand-in for firewalld itself: Debian's needs a machine of its own.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { describeClient, noGoReason, noProgramReason } from '../../../../test/clients/available.ts'
import { addChain, bridge, callMember, type Maker, type Member, refused } from '../../../../test/harness/chained.ts'
import { type Host, withHost } from '../../../../test/harness/netns.ts'

const service = fileURLToPath(new URL('../../../../test/programs/fake-firewalld.ts', import.meta.url))
const firewall = (more: object = {}): Member => ({ type: 'firewall', ...more })

/** The system's bus, with an owner of firewalld's name on it; `calls` lists the calls to it. */
async function withFirewalld(body: (host: Host, calls: () => string[], PATH: string) => Promise<void>): Promise<void> {
  await withHost(async (host) => {
    const allowed = ['user="*"', 'own="*"', 'send_destination="*"', 'receive_sender="*"'].map((rule) => `<allow ${rule}/>`)
    const policy = `<policy context="default">${allowed.join('')}</policy>`
    const socket = '/run/dbus/system_bus_socket'
    writeFileSync(
      join(host.dir, 'bus.conf'),
      `<busconfig><type>system</type><listen>unix:path=${socket}</listen><auth>EXTERNAL</auth>${policy}</busconfig>`,
    )
    writeFileSync(join(host.dir, 'firewalld'), '#!/bin/sh\n', { mode: 0o755 })
    const log = join(host.dir, 'log')
    await host.run('mkdir', '-p', '/run/dbus')
    await host.run('sh', '-c', `dbus-daemon --config-file=${host.dir}/bus.conf --nofork >/dev/null 2>&1 & sleep 0.5`)
    await host.run(
      'sh',
      '-c',
      `${process.execPath} --experimental-strip-types --no-warnings ${service} unix:path=${socket} >${log} 2>&1 </dev/null &`,
    )
    const lines = () => readFileSync(log, 'utf8').split('\n').filter(Boolean)
    await vi.waitUntil(() => lines().includes('ready'), 10_000)
    await body(host, () => lines().filter((line) => line !== 'ready'), `${host.dir}:/usr/sbin:/usr/bin:/sbin:/bin`)
  })
}

const both = ['10.1.0.2/32', 'fd00:1::2/128']
const asked = (method: string, zone: string) => both.map((source) => `${method} ${zone} ${source}`)

describeClient('firewall with firewalld', noProgramReason('dbus-daemon', 'dbus-send'), () => {
  it.each([
    ['when it is chosen', { backend: 'firewalld' }, 'trusted'],
    ['of its own accord when it runs', {}, 'trusted'],
    ['in a chosen zone', { backend: 'firewalld', firewalldZone: 'pods' }, 'pods'],
  ])('makes the addresses sources of a zone %s', async (_, options, zone) => {
    await withFirewalld(async (host, calls, PATH) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      const call = (verb: string) => callMember(host, verb, firewall(options), pod, before, {}, { PATH })
      // Twice: what is there already is fine.
      for (let i = 0; i < 2; i++) expect((await call('ADD')).json).toEqual(before)
      for (const verb of ['CHECK', 'DEL', 'DEL']) expect(await call(verb)).toMatchObject({ status: 0, stdout: '' })
      expect(calls()).toEqual([
        ...asked('addSource', zone),
        ...asked('addSource', zone),
        ...asked('querySource', zone),
        ...asked('removeSource', zone),
        ...asked('removeSource', zone),
      ])
      expect(await refused(call('CHECK'))).toMatchObject({ code: 999, msg: `failed to find the address 10.1.0.2/32 in ${zone} zone` })
      expect(await host.run('iptables-save', '-t', 'filter')).not.toContain('CNI')
    })
  })

  it('reports firewalld’s error and leaves nothing when it fails', async () => {
    await withFirewalld(async (host, _, PATH) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      const failure = await refused(
        callMember(host, 'ADD', firewall({ backend: 'firewalld', firewalldZone: 'missing' }), pod, before, {}, { PATH }),
      )
      expect(failure.msg).toContain('failed to add the address 10.1.0.2/32 to missing zone: ')
      expect(failure.msg).toContain('INVALID_ZONE')
      expect(await host.run('ls', '/run/cni/firewall')).toBe('')
    })
  })

  it('fails when firewalld does not run', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      const own = firewall({ backend: 'firewalld' })
      expect(await refused(callMember(host, 'ADD', own, pod, before))).toMatchObject({
        msg: expect.stringContaining('failed to add the address'),
      })
      expect(await refused(callMember(host, 'STATUS', own, pod, undefined))).toMatchObject({
        code: 50,
        msg: 'backend firewalld: it is not running',
      })
    })
  })

  it.skipIf(noGoReason('firewall') !== undefined).each([
    ['ours', 'go'],
    ['go', 'ours'],
  ] as [Maker, Maker][])('sources of %s pass CHECK and go with DEL when %s is called', async (adder, remover) => {
    await withFirewalld(async (host, calls, PATH) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      const steps = [['ADD', adder] as const, ['CHECK', remover] as const, ['DEL', remover] as const]
      for (const [verb, maker] of steps) {
        const outcome = await callMember(host, verb, firewall({ backend: 'firewalld', maker }), pod, before, {}, { PATH })
        expect(outcome, outcome.stdout).toMatchObject({ status: 0 })
      }
      expect(calls()).toEqual([...asked('addSource', 'trusted'), ...asked('querySource', 'trusted'), ...asked('removeSource', 'trusted')])
    })
  })
})
