// The plugin `firewall` behind `bridge`: what one backend alone has, and rules that it and the reference plugin take from each other.
// backends.netns.test.ts has what every backend does.

import { expect, it } from 'vitest'
import { noGoReason } from '../../../../test/clients/available.ts'
import { addChain, bridge, callMember, forAll, goneWith, type Maker, type Member, refused } from '../../../../test/harness/chained.ts'
import { filter, firewall, outside, reaches, records } from '../../../../test/harness/firewall.ts'
import { hasIptables, type IptablesVariant, pathWith } from '../../../../test/harness/masquerade.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'

const both: IptablesVariant[] = (['nft', 'legacy'] as const).filter(hasIptables)
const hasGo = noGoReason('firewall') === undefined

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

describeHost('firewall with iptables', () => {
  it('needs no ip6tables when the pod has no IPv6', async () => {
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

  it('leaves the rules of an address on DEL when another pod has recorded it', async () => {
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

  it('leaves an administrator’s rules when the admin chain has another name', async () => {
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

  it.skipIf(!hasGo).each(
    both.flatMap((variant) =>
      (
        [
          ['ours', 'go'],
          ['go', 'ours'],
        ] as [Maker, Maker][]
      ).map(([adder, remover]) => ({ variant, adder, remover })),
    ),
  )('rules of $adder pass CHECK and go with DEL when $remover removes them ($variant)', async ({ variant, adder, remover }) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      for (const policy of ['open', 'isolated']) {
        const own = firewall({ backend: 'iptables', ingressPolicy: policy })
        const added = await call(host, variant, 'ADD', { ...own, maker: adder }, pod, before)
        expect(added, added.stdout).toMatchObject({ status: 0 })
        for (const maker of ['go', 'ours'] as const) {
          const checked = await call(host, variant, 'CHECK', { ...own, maker }, pod, before)
          expect({ status: checked.status, output: checked.stdout + checked.stderr }, maker).toEqual({ status: 0, output: '' })
        }
        expect(await call(host, variant, 'DEL', { ...own, maker: remover }, pod, before)).toMatchObject({ status: 0 })
        expect((await filter(host, variant)).filter((line) => line.includes('10.1.0.2'))).toEqual([])
      }
    })
  })

  it.skipIf(!hasGo).each(both)('makes the reference plugin’s rules when there are policies, too (%s)', async (variant) => {
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
  it('accepts in the node’s own chain when that drops; DEL needs no result and no namespace', async () => {
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
})

describeHost('the ingress policy', () => {
  it.each([
    ['no interface', [], 'interface needs to be set for ingress policy "isolated"'],
    ['a name that a rule cannot hold', [{ name: 'br0" -j ACCEPT' }], 'prevResult.interfaces[0].name'],
    ['a name that iptables takes for a pattern', [{ name: 'br+' }], 'prevResult.interfaces[0].name'],
    ['no name', [{ name: '' }], 'interface name is empty'],
  ])('is rejected when prevResult has %s', async (_, interfaces, msg) => {
    await withHost(async (host) => {
      const given = { cniVersion: '1.1.0', interfaces, ips: [{ address: '10.1.0.2/24' }] }
      const member = firewall({ backend: 'iptables', ingressPolicy: 'isolated' })
      const pod = await host.pod()
      expect(await refused(callMember(host, 'ADD', member, pod, given))).toMatchObject({ code: 7, msg: expect.stringContaining(msg) })
      expect([await filter(host, 'nft'), await records(host)]).toEqual([[], []])
    })
  })

  it('is rejected when there is no prevResult', async () => {
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
