// Many pods at once through a chain of drop-ins, some members the reference plugins': each DEL leaves what was there before.

import { expect, it } from 'vitest'
import { noGoReason } from '../../../../test/clients/available.ts'
import { bridge, callMember, type Maker, type Member } from '../../../../test/harness/chained.ts'
import { hasIptables, pathWith } from '../../../../test/harness/masquerade.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'

const hasGo = noGoReason('tuning', 'bandwidth', 'firewall') === undefined
const PODS = 24

/** Every second pod has the reference plugin in the member's place. */
function chainOf(i: number, backend: string): Member[] {
  const maker = (nth: number): Maker => (hasGo && backend === 'iptables' && i % 4 === nth ? 'go' : 'ours')
  return [
    bridge,
    { type: 'tuning', mtu: 1400, sysctl: { 'net.core.somaxconn': '512' }, maker: maker(0) },
    { type: 'bandwidth', ingressRate: 1e7, ingressBurst: 1e6, egressRate: 1e7, egressBurst: 1e6, maker: maker(1) },
    { type: 'firewall', backend, maker: maker(2) },
  ]
}

async function remains(host: Host): Promise<string[]> {
  const texts = await Promise.all([
    host.run(
      'sh',
      '-c',
      'ip -o link show | grep -v " lo:\\| br0:" | cut -d: -f2; ls /run/cni/* /run/leases/net 2>/dev/null | grep "^10\\|^fd\\|json" || true',
    ),
    host.run(
      'sh',
      '-c',
      'iptables-nft-save; iptables-legacy-save 2>/dev/null; ip6tables-nft-save; ip6tables-legacy-save; nft list ruleset | grep "id: " || true',
    ),
  ])
  return texts.flatMap((text) => text.split('\n')).filter((line) => line.trim() && !/^[#:*]|COMMIT|-j CNI-(FORWARD|ADMIN)$/.test(line))
}

describeHost('a storm of drop-ins', () => {
  it.each([
    ['iptables', 'nft'],
    ['iptables', 'legacy'],
    ['nftables', 'nft'],
  ] as const)(
    'leaves nothing with backend %s (%s)',
    async (backend, variant) => {
      if (!hasIptables(variant)) return
      await withHost(async (host) => {
        const PATH = pathWith(host, variant)
        const pods: Pod[] = []
        for (let i = 0; i < PODS; i++) pods.push(await host.pod(`pod${i}`))
        const through = async (pod: Pod, i: number) => {
          const chain = chainOf(i, backend)
          let result: unknown
          for (const member of chain) {
            const outcome = await callMember(host, 'ADD', member, pod, result, {}, { PATH })
            expect(outcome, `${member.type} ${member.maker}: ${outcome.stdout}`).toMatchObject({ status: 0 })
            result = outcome.json
          }
          // What is looked for at the end can be found.
          if (i === 0) expect((await remains(host)).length).toBeGreaterThan(backend === 'iptables' ? 8 : 6)
          for (const member of chain.toReversed()) {
            // Every third DEL comes without a result; only ours can do with that.
            const known = i % 3 === 0 && member.maker !== 'go' ? undefined : result
            const outcome = await callMember(host, 'DEL', member, pod, known, {}, { PATH })
            expect(outcome, `DEL ${member.type} ${member.maker}: ${outcome.stdout}`).toMatchObject({ status: 0 })
          }
        }
        await Promise.all(pods.map(through))
        expect(await remains(host)).toEqual([])
      })
    },
    120_000,
  )
})
