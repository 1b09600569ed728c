// The plugin `firewall` behind `bridge`: real packets through a node whose FORWARD drops, with each backend, and rules that it and the reference plugin
// take from each other.

import { expect, it } from 'vitest'
import { noGoReason } from '../../../../test/clients/available.ts'
import {
  type Answer,
  addChain,
  bridge,
  callMember,
  forAll,
  goneWith,
  type Maker,
  type Member,
  refused,
} from '../../../../test/harness/chained.ts'
import { hasIptables, type IptablesVariant, pathWith } from '../../../../test/harness/masquerade.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'
import { cniVersions } from '../../../cni/types.ts'

const elsewhere = { ...bridge, bridge: 'br1', ipam: { type: 'host-local', subnet: '10.2.0.0/24', dataDir: '/run/leases' } }
const firewall = (more: object = {}): Member => ({ type: 'firewall', ...more })
const both: IptablesVariant[] = (['nft', 'legacy'] as const).filter(hasIptables)
const hasGo = noGoReason('firewall') === undefined

const filter = async (host: Host, variant: IptablesVariant, version: 4 | 6 = 4) => {
  const text = await host.run(`/usr/sbin/${version === 4 ? 'iptables' : 'ip6tables'}-${variant}-save`, '-t', 'filter')
  return text.split('\n').filter((line) => line.startsWith('-A') || line.startsWith(':CNI'))
}
const frame = [
  ':CNI-ADMIN - [0:0]',
  ':CNI-FORWARD - [0:0]',
  '-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD',
  '-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN',
]
const rulesOf = (host: string) => [
  `-A CNI-FORWARD -d ${host} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  `-A CNI-FORWARD -s ${host} -j ACCEPT`,
]
const records = async (host: Host) => (await host.run('sh', '-c', 'ls /run/cni/firewall 2>/dev/null || true')).split('\n').filter(Boolean)
const table = async (host: Host) => (await host.exec('nft', ['list', 'table', 'inet', 'cni_firewall'])).stdout

/** The plugin with a PATH whose iptables is of the variant. */
function call(
  host: Host,
  variant: IptablesVariant,
  verb: string,
  member: Member,
  pod: Pick<Pod, 'name' | 'netns'>,
  prevResult: unknown,
  cniVersion = '1.1.0',
) {
  return callMember(host, verb, member, pod, prevResult, { cniVersion }, { PATH: pathWith(host, variant) })
}

/** A machine behind the node: the pod gets there by the node's FORWARD only. */
async function outside(host: Host): Promise<Pod> {
  const far = await host.pod('far')
  await host.run('ip', 'link', 'add', 'wan', 'up', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'far')
  await host.run('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'wan')
  await far.exec('sh', ['-ec', 'ip addr add 192.0.2.9/24 dev eth0; ip link set eth0 up; ip route add default via 192.0.2.1'])
  return far
}

const reaches = async (from: Pod, address: string) => (await from.exec('ping', ['-c', '1', '-W', '1', address])).status === 0

describeHost('firewall with iptables', () => {
  it.each(both)('lets a pod out, and answers in, where FORWARD drops; gone with DEL (%s)', async (variant) => {
    await withHost(async (host) => {
      const far = await outside(host)
      await host.run(`/usr/sbin/iptables-${variant}`, '-P', 'FORWARD', 'DROP')
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      expect(await reaches(pod, '192.0.2.9')).toBe(false)
      const added = await call(host, variant, 'ADD', firewall({ backend: 'iptables' }), pod, before)
      expect(added.json, added.stdout).toEqual(before)
      expect([await reaches(pod, '192.0.2.9'), await reaches(far, '10.1.0.2')]).toEqual([true, false])
      expect(await filter(host, variant)).toEqual([...frame, ...rulesOf('10.1.0.2/32')])
      expect(await filter(host, variant, 6)).toEqual([...frame, ...rulesOf('fd00:1::2/128')])
      expect(await records(host)).toEqual(['10.1.0.2', 'fd00:1::2'])
      expect(await call(host, variant, 'CHECK', firewall({ backend: 'iptables' }), pod, before)).toMatchObject({ status: 0, stdout: '' })
      for (let i = 0; i < 2; i++) expect(await call(host, variant, 'DEL', firewall(), pod, before)).toMatchObject({ status: 0, stdout: '' })
      expect([await filter(host, variant), await filter(host, variant, 6), await records(host)]).toEqual([frame, frame, []])
      expect(await reaches(pod, '192.0.2.9')).toBe(false)
    })
  })

  it.each(both)('makes each rule once when ADD is repeated and pods come at once (%s)', async (variant) => {
    await withHost(async (host) => {
      const pods = await Promise.all(['a', 'b', 'c', 'd'].map((name) => host.pod(name)))
      const befores: Answer[] = []
      for (const pod of pods) befores.push(...(await addChain(host, [bridge], pod)))
      const all = () => Promise.all(pods.map((pod, i) => call(host, variant, 'ADD', firewall({ backend: 'iptables' }), pod, befores[i])))
      for (const outcome of [...(await all()), ...(await all())]) expect(outcome, outcome.stdout).toMatchObject({ status: 0 })
      const hosts = ['10.1.0.2/32', '10.1.0.3/32', '10.1.0.4/32', '10.1.0.5/32']
      expect((await filter(host, variant)).sort()).toEqual([...frame, ...hosts.flatMap(rulesOf)].sort())
    })
  })

  it.each(cniVersions)('hands the result on in %s', async (cniVersion) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before, after] = await addChain(host, [bridge, firewall({ backend: 'iptables' })], pod, { cniVersion })
      expect(after).toEqual(before)
      if (cniVersion >= '0.4.0') await forAll(host, 'CHECK', [firewall({ backend: 'iptables' })], pod, after, { cniVersion })
      await forAll(host, 'DEL', [bridge, firewall()], pod, after, { cniVersion })
      expect(await filter(host, 'nft')).toEqual(frame)
    })
  })

  it('needs no ip6tables for a pod without IPv6', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const own = { ...bridge, ipam: { type: 'host-local', subnet: '10.1.0.0/24', dataDir: '/run/leases' } }
      const [before] = await addChain(host, [own], pod)
      const PATH = `${pathWith(host, 'nft')}`.split(':')[0] ?? ''
      // Only what is linked there can be found: iptables, and what enters the host.
      await host.run('sh', '-c', `rm ${PATH}/ip6tables*; ln -s "$(command -v nsenter)" ${PATH}/nsenter`)
      const options = { PATH }
      expect(await callMember(host, 'ADD', firewall({ backend: 'iptables' }), pod, before, {}, options)).toMatchObject({ status: 0 })
      const six = { ...before, ips: [{ address: 'fd00::2/64' }] }
      const failure = await refused(callMember(host, 'ADD', firewall({ backend: 'iptables' }), pod, six, {}, options))
      expect(failure).toMatchObject({ code: 2, msg: expect.stringContaining('needs ip6tables-save') })
    })
  })

  it.each([
    ['the namespace is gone', (pod: Pod) => goneWith(pod), true],
    ['nothing is recorded but the interface is there', (pod: Pod) => pod, false],
  ])('removes on DEL without a result when %s', async (_, at, keepRecords) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await addChain(host, [bridge, firewall({ backend: 'iptables' })], pod)
      if (!keepRecords) await host.run('rm', '-r', '/run/cni/firewall')
      await forAll(host, 'DEL', [firewall()], at(pod), undefined)
      expect([await filter(host, 'nft'), await filter(host, 'nft', 6), await records(host)]).toEqual([frame, frame, []])
    })
  })

  it('leaves the rules of an address that another pod has by now', async () => {
    await withHost(async (host) => {
      const [a, b] = [await host.pod('a'), await host.pod('b')]
      const [before] = await addChain(host, [bridge], a)
      for (const pod of [a, b])
        expect(await callMember(host, 'ADD', firewall({ backend: 'iptables' }), pod, before)).toMatchObject({ status: 0 })
      // Where the address is still on the interface of `a`, it is the record that is out of date.
      await forAll(host, 'DEL', [firewall()], goneWith(a), before)
      expect(await filter(host, 'nft')).toEqual([...frame, ...rulesOf('10.1.0.2/32')])
      await forAll(host, 'DEL', [firewall()], b, before)
      expect(await filter(host, 'nft')).toEqual(frame)
    })
  })

  it('keeps an administrator’s rules, in a chain of a chosen name', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const own = firewall({ backend: 'iptables', iptablesAdminChainName: 'SITE' })
      const [before, after] = await addChain(host, [bridge, own], pod)
      await host.run('iptables-nft', '-A', 'SITE', '-s', '10.1.0.2', '-j', 'DROP')
      await host.run('iptables-nft', '-A', 'CNI-FORWARD', '-s', '10.1.0.2', '-j', 'DROP')
      await forAll(host, 'DEL', [own], pod, after)
      expect((await filter(host, 'nft')).filter((line) => line.includes('10.1.0.2'))).toEqual([
        '-A CNI-FORWARD -s 10.1.0.2/32 -j DROP',
        '-A SITE -s 10.1.0.2/32 -j DROP',
      ])
      expect(before).toEqual(after)
    })
  })

  it.each([
    ['a rule of the address', '-D CNI-FORWARD -s 10.1.0.2/32 -j ACCEPT', '[-s 10.1.0.2/32 -j ACCEPT]'],
    ['the way in', '-F FORWARD', 'expected FORWARD rule'],
  ])('finds on CHECK that %s is missing, and makes nothing', async (_, command, msg) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const own = firewall({ backend: 'iptables' })
      const result = (await addChain(host, [bridge, own], pod))[1]
      await host.run('iptables-nft', ...command.split(' '))
      const found = await filter(host, 'nft')
      expect(await refused(callMember(host, 'CHECK', own, pod, result))).toMatchObject({ code: 999, msg: expect.stringContaining(msg) })
      expect(await filter(host, 'nft')).toEqual(found)
      expect(await callMember(host, 'ADD', own, pod, result)).toMatchObject({ status: 0 })
      await forAll(host, 'CHECK', [own], pod, result)
    })
  })

  it('collects what no attachment of its network has', async () => {
    await withHost(async (host) => {
      const own = firewall({ backend: 'iptables' })
      for (const name of ['a', 'b']) await addChain(host, [bridge, own], await host.pod(name))
      await addChain(host, [elsewhere, own], await host.pod('c'), { name: 'other' })
      const gc = (more: object) => callMember(host, 'GC', { ...own, ...more }, { name: 'x', netns: '' }, undefined)
      expect(await gc({})).toMatchObject({ status: 0 })
      expect(await records(host)).toHaveLength(5)
      expect(await gc({ 'cni.dev/valid-attachments': [{ containerID: 'b', ifname: 'eth0' }] })).toMatchObject({ status: 0, stdout: '' })
      expect((await filter(host, 'nft')).slice(frame.length)).toEqual([...rulesOf('10.1.0.3/32'), ...rulesOf('10.2.0.2/32')])
      expect(await records(host)).toEqual(['10.1.0.3', '10.2.0.2', 'fd00:1::3'])
    })
  })

  it.skipIf(!hasGo).each(
    both.flatMap((variant) =>
      (
        [
          ['ours', 'go'],
          ['go', 'ours'],
        ] as [Maker, Maker][]
      ).map(([adder, remover]) => ({ variant, adder, remover })),
    ),
  )('of $adder is checked and removed by $remover ($variant)', async ({ variant, adder, remover }) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      for (const policy of ['open', 'isolated']) {
        const own = firewall({ backend: 'iptables', ingressPolicy: policy })
        const added = await call(host, variant, 'ADD', { ...own, maker: adder }, pod, before)
        expect(added, added.stdout).toMatchObject({ status: 0 })
        for (const maker of ['go', 'ours'] as const) {
          const checked = await call(host, variant, 'CHECK', { ...own, maker }, pod, before)
          expect({ status: checked.status, said: checked.stdout + checked.stderr }, maker).toEqual({ status: 0, said: '' })
        }
        expect(await call(host, variant, 'DEL', { ...own, maker: remover }, pod, before)).toMatchObject({ status: 0 })
        expect((await filter(host, variant)).filter((line) => line.includes('10.1.0.2'))).toEqual([])
      }
    })
  })

  it.skipIf(!hasGo).each(both)('makes the same rules as the reference plugin, policies too (%s)', async (variant) => {
    const made = async (maker: Maker) =>
      withHost(async (host) => {
        for (const policy of ['open', 'same-bridge', 'isolated']) {
          const pod = await host.pod(policy)
          const [before] = await addChain(host, [{ ...bridge, bridge: `br-${policy}` }], pod, { name: policy })
          const added = await call(
            host,
            variant,
            'ADD',
            { ...firewall({ backend: 'iptables', ingressPolicy: policy }), maker },
            pod,
            before,
          )
          expect(added, added.stdout).toMatchObject({ status: 0 })
        }
        return [await filter(host, variant), await filter(host, variant, 6)]
      })
    expect(await made('ours')).toEqual(await made('go'))
  })
})

describeHost('firewall with nftables', () => {
  const own = firewall({ backend: 'nftables' })

  it('accepts in the node’s own chain that drops; DEL needs no result and no namespace', async () => {
    await withHost(async (host) => {
      await outside(host)
      await host.run('nft', 'add table inet filter; add chain inet filter forward { type filter hook forward priority 0; policy drop; }')
      const member = firewall({ backend: 'nftables', nftables: { table: 'filter', chain: 'forward' } })
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      expect(await reaches(pod, '192.0.2.9')).toBe(false)
      for (let i = 0; i < 2; i++) expect((await callMember(host, 'ADD', member, pod, before)).json).toEqual(before)
      expect(await reaches(pod, '192.0.2.9')).toBe(true)
      await forAll(host, 'CHECK', [member], pod, before)
      for (let i = 0; i < 2; i++) await forAll(host, 'DEL', [member], goneWith(pod), undefined)
      expect(await reaches(pod, '192.0.2.9')).toBe(false)
      const text = await host.run('nft', 'list', 'table', 'inet', 'filter')
      expect(text).not.toContain('elements')
      expect(text.match(/jump cni_firewall comment/g)).toHaveLength(1)
      expect(await table(host)).toBe('')
    })
  })

  it('keeps what is in its sets by owner: DEL, GC and CHECK', async () => {
    await withHost(async (host) => {
      const [a, b, c] = [await host.pod('a'), await host.pod('b'), await host.pod('c')]
      const results = new Map<string, unknown>()
      await Promise.all([a, b].map(async (pod) => results.set(pod.name, (await addChain(host, [bridge, own], pod))[1])))
      await addChain(host, [elsewhere, own], c, { name: 'other' })
      await forAll(host, 'CHECK', [own], a, results.get('a'))
      const gc = (more: object) => callMember(host, 'GC', { ...own, ...more }, { name: 'x', netns: '' }, undefined)
      expect(await gc({})).toMatchObject({ status: 0 })
      expect((await table(host)).match(/net: net, if: eth0, id: [ab]/g)).toHaveLength(4)
      expect(await gc({ 'cni.dev/valid-attachments': [{ containerID: 'a', ifname: 'eth0' }] })).toMatchObject({ status: 0 })
      expect((await table(host)).match(/net: \w+, if: eth0, id: \w/g)?.sort()).toEqual([
        'net: net, if: eth0, id: a',
        'net: net, if: eth0, id: a',
        'net: other, if: eth0, id: c',
      ])
      await host.run('nft', 'flush', 'set', 'inet', 'cni_firewall', 'cni_firewall_pods4')
      expect(await refused(callMember(host, 'CHECK', own, a, results.get('a')))).toMatchObject({
        msg: expect.stringContaining('does not accept 10.1.0.'),
      })
      await host.run('nft', 'flush', 'chain', 'inet', 'cni_firewall', 'cni_firewall')
      expect(await refused(callMember(host, 'CHECK', own, a, results.get('a')))).toMatchObject({
        msg: expect.stringContaining('lacks a rule'),
      })
      expect(await callMember(host, 'STATUS', own, a, undefined)).toMatchObject({ status: 0, stdout: '' })
    })
  })

  it('leaves an address to the pod that has it by now', async () => {
    await withHost(async (host) => {
      const [a, b] = [await host.pod('a'), await host.pod('b')]
      const [before] = await addChain(host, [bridge], a)
      for (const pod of [a, b]) expect(await callMember(host, 'ADD', own, pod, before)).toMatchObject({ status: 0 })
      await forAll(host, 'DEL', [own], a, before)
      await forAll(host, 'CHECK', [own], b, before)
      await forAll(host, 'DEL', [own], b, before)
      expect(await table(host)).not.toContain('elements = { 10.1')
    })
  })
})

describeHost('the ingress policy', () => {
  const members: [string, Member][] = [
    ['iptables', firewall({ backend: 'iptables' })],
    ['nftables', firewall({ backend: 'nftables' })],
  ]
  it.each(members)('keeps bridges apart, and with isolated the pods of one, with %s', async (backend, member) => {
    await withHost(async (host) => {
      // What crosses one bridge passes FORWARD with this only; nftables' own way to see it is the same.
      await host.exec('modprobe', ['br_netfilter'])
      const isFiltered = (await host.exec('sysctl', ['-qw', 'net.bridge.bridge-nf-call-iptables=1'])).status === 0
      const place = async (name: string, third: number, policy: string) => {
        const pod = await host.pod(name)
        const net = { ...bridge, bridge: `br${third}`, ipam: { type: 'host-local', subnet: `10.${third}.0.0/24`, dataDir: '/run/leases' } }
        const chain = [net, { ...member, ingressPolicy: policy }]
        const result = (await addChain(host, chain, pod, { name: `n${third}` }))[1]
        await forAll(host, 'CHECK', [{ ...member, ingressPolicy: policy }], pod, result, { name: `n${third}` })
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
      expect(output(seen), backend).toEqual(output(tries))
    })
  })

  it.each([
    ['no interface', [], 'interface needs to be set for ingress policy "isolated"'],
    ['a name that a rule cannot hold', [{ name: 'br0" -j ACCEPT' }], 'prevResult.interfaces[0].name'],
    ['a name that iptables takes for many', [{ name: 'br+' }], 'prevResult.interfaces[0].name'],
    ['no name', [{ name: '' }], 'interface name is empty'],
  ])('is refused with %s', async (_, interfaces, msg) => {
    await withHost(async (host) => {
      const given = { cniVersion: '1.1.0', interfaces, ips: [{ address: '10.1.0.2/24' }] }
      const member = firewall({ backend: 'iptables', ingressPolicy: 'isolated' })
      const pod = await host.pod()
      expect(await refused(callMember(host, 'ADD', member, pod, given))).toMatchObject({ code: 7, msg: expect.stringContaining(msg) })
      expect([await filter(host, 'nft'), await records(host)]).toEqual([[], []])
    })
  })

  it('needs a result', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      for (const verb of ['ADD', 'CHECK']) {
        expect(await refused(callMember(host, verb, firewall(), pod, undefined))).toMatchObject({
          code: 7,
          msg: 'prevResult: is missing',
        })
      }
    })
  })
})
