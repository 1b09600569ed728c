// What `firewall` does with every backend, chained behind `bridge`: real packets through a node that drops what it forwards, DEL, GC and CHECK.

import { describe, expect, it } from 'vitest'
import { type Answer, addChain, bridge, callMember, forAll, goneWith, type Member, refused } from '../../../../test/harness/chained.ts'
import { type FirewallKind, kindsHere, outside, reaches } from '../../../../test/harness/firewall.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'
import { cniVersions } from '../../../cni/types.ts'

const elsewhere = { ...bridge, bridge: 'br1', ipam: { type: 'host-local', subnet: '10.2.0.0/24', dataDir: '/run/leases' } }

describe.each(kindsHere)('firewall with $name', (kind: FirewallKind) => {
  const { member, accepted } = kind
  const options = (host: Host) => ({ PATH: kind.path(host) })

  describeHost('on the kernel', () => {
    it('lets a pod out and its answers in, and nothing else, when the node drops what it forwards; until DEL', async () => {
      await withHost(async (host) => {
        const far = await outside(host)
        const own = await kind.dropForward(host)
        const pod = await host.pod()
        const [before] = await addChain(host, [bridge], pod)
        expect(await reaches(pod, '192.0.2.9')).toBe(false)
        const added = await callMember(host, 'ADD', own, pod, before, {}, options(host))
        expect(added.json, added.stdout).toEqual(before)
        expect([await reaches(pod, '192.0.2.9'), await reaches(far, '10.1.0.2')]).toEqual([true, false])
        expect(await accepted(host)).toEqual(['10.1.0.2', 'fd00:1::2'])
        await forAll(host, 'CHECK', [own], pod, before, {}, options(host))
        for (let i = 0; i < 2; i++) await forAll(host, 'DEL', [own], pod, before, {}, options(host))
        expect(await accepted(host)).toEqual([])
        expect(await reaches(pod, '192.0.2.9')).toBe(false)
      })
    })

    it('accepts each address once when ADD is repeated and pods come at once', async () => {
      await withHost(async (host) => {
        const pods = await Promise.all(['a', 'b', 'c', 'd'].map((name) => host.pod(name)))
        const befores: Answer[] = []
        for (const pod of pods) befores.push(...(await addChain(host, [bridge], pod)))
        const all = () => Promise.all(pods.map((pod, i) => callMember(host, 'ADD', member, pod, befores[i], {}, options(host))))
        for (const outcome of [...(await all()), ...(await all())]) expect(outcome, outcome.stdout).toMatchObject({ status: 0 })
        const expected = [2, 3, 4, 5].flatMap((i) => [`10.1.0.${i}`, `fd00:1::${i}`])
        expect(await accepted(host)).toEqual(expected.sort())
      })
    })

    it.each(cniVersions)('passes the result on when the version is %s', async (cniVersion) => {
      await withHost(async (host) => {
        const pod = await host.pod()
        const [before, after] = await addChain(host, [bridge, member], pod, { cniVersion }, options(host))
        expect(after).toEqual(before)
        if (cniVersion >= '0.4.0') await forAll(host, 'CHECK', [member], pod, after, { cniVersion }, options(host))
        await forAll(host, 'DEL', [bridge, member], pod, after, { cniVersion }, options(host))
        expect(await accepted(host)).toEqual([])
      })
    })

    it('removes on DEL when there is neither a result nor the namespace', async () => {
      await withHost(async (host) => {
        const pod = await host.pod()
        await addChain(host, [bridge, member], pod, {}, options(host))
        for (let i = 0; i < 2; i++) await forAll(host, 'DEL', [member], goneWith(pod), undefined, {}, options(host))
        expect(await accepted(host)).toEqual([])
      })
    })

    it('leaves an address on DEL when another pod has it by now', async () => {
      await withHost(async (host) => {
        const [a, b] = [await host.pod('a'), await host.pod('b')]
        const [before] = await addChain(host, [bridge], a)
        for (const pod of [a, b]) expect(await callMember(host, 'ADD', member, pod, before, {}, options(host))).toMatchObject({ status: 0 })
        await forAll(host, 'DEL', [member], goneWith(a), before, {}, options(host))
        expect(await accepted(host)).toEqual(['10.1.0.2', 'fd00:1::2'])
        await forAll(host, 'CHECK', [member], b, before, {}, options(host))
        await forAll(host, 'DEL', [member], b, before, {}, options(host))
        expect(await accepted(host)).toEqual([])
      })
    })

    it.each(kind.damages)('reports on CHECK and restores on ADD when $what is missing', async ({ command, message }) => {
      await withHost(async (host) => {
        const pod = await host.pod()
        const result = (await addChain(host, [bridge, member], pod, {}, options(host)))[1]
        await host.run(...command)
        const damaged = await accepted(host)
        const failure = await refused(callMember(host, 'CHECK', member, pod, result, {}, options(host)))
        expect(failure).toMatchObject({ code: 999, msg: expect.stringContaining(message) })
        expect(await accepted(host)).toEqual(damaged)
        expect(await callMember(host, 'ADD', member, pod, result, {}, options(host))).toMatchObject({ status: 0 })
        await forAll(host, 'CHECK', [member], pod, result, {}, options(host))
      })
    })

    it('removes on GC what belongs to no valid attachment of the network, and nothing when there is no list', async () => {
      await withHost(async (host) => {
        for (const name of ['a', 'b']) await addChain(host, [bridge, member], await host.pod(name), {}, options(host))
        await addChain(host, [elsewhere, member], await host.pod('c'), { name: 'other' }, options(host))
        const gc = (more: object) => callMember(host, 'GC', { ...member, ...more }, { name: 'x', netns: '' }, undefined, {}, options(host))
        expect(await gc({})).toMatchObject({ status: 0 })
        expect(await accepted(host)).toEqual(['10.1.0.2', '10.1.0.3', '10.2.0.2', 'fd00:1::2', 'fd00:1::3'])
        expect(await gc({ 'cni.dev/valid-attachments': [{ containerID: 'b', ifname: 'eth0' }] })).toMatchObject({ status: 0, stdout: '' })
        expect(await accepted(host)).toEqual(['10.1.0.3', '10.2.0.2', 'fd00:1::3'])
      })
    })

    it('isolates bridges, and the pods of one bridge, when the ingress policy says so', async () => {
      await withHost(async (host) => {
        // What crosses one bridge passes FORWARD with this only; nftables' own hook for it is the same.
        await host.exec('modprobe', ['br_netfilter'])
        const isFiltered = (await host.exec('sysctl', ['-qw', 'net.bridge.bridge-nf-call-iptables=1'])).status === 0
        const place = async (name: string, third: number, ingressPolicy: string) => {
          const pod = await host.pod(name)
          const ipam = { type: 'host-local', subnet: `10.${third}.0.0/24`, dataDir: '/run/leases' }
          const own: Member = { ...member, ingressPolicy }
          const network = { name: `n${third}` }
          const result = (await addChain(host, [{ ...bridge, bridge: `br${third}`, ipam }, own], pod, network, options(host)))[1]
          await forAll(host, 'CHECK', [own], pod, result, network, options(host))
          return pod
        }
        const [a, b] = [await place('a', 11, 'same-bridge'), await place('b', 11, 'same-bridge')]
        const [c, d] = [await place('c', 12, 'isolated'), await place('d', 12, 'isolated')]
        const e = await place('e', 13, 'open')
        const tries: [Pod, string, boolean][] = [
          [a, '10.11.0.3', true],
          [b, '10.11.0.2', true],
          [a, '10.12.0.2', false],
          [c, '10.11.0.2', false],
          [c, '10.12.0.3', !isFiltered],
          [d, '10.12.0.2', !isFiltered],
          [e, '10.11.0.2', true],
        ]
        const seen = await Promise.all(tries.map(async ([from, to]) => [from, to, await reaches(from, to)] as [Pod, string, boolean]))
        const output = (rows: [Pod, string, boolean][]) => rows.map(([{ name }, to, passed]) => `${name} to ${to}: ${passed}`)
        expect(output(seen)).toEqual(output(tries))
      })
    })
  })
})
