// A node with FORWARD policy DROP, as Docker sets it.

import { expect, it } from 'vitest'
import { apply, type Cluster, makeCluster, pings, stateOf } from '../../test/harness/cluster.ts'
import { describeHost, withHost } from '../../test/harness/netns.ts'

const withCluster = (body: (cluster: Cluster) => Promise<void>) => withHost(async (host) => body(await makeCluster(host)))

const DROP = 'iptables-nft -P FORWARD DROP; ip6tables-nft -P FORWARD DROP'

/** The chain as iptables prints it. */
const forwardOf = async ({ nodes: { a } }: Cluster) => (await a.run('iptables-nft -S FORWARD; ip6tables-nft -S FORWARD')).trim().split('\n')

const OURS = [
  '-P FORWARD DROP',
  '-A FORWARD -d 10.1.1.0/24 -m comment --comment podwire -j ACCEPT',
  '-A FORWARD -s 10.1.1.0/24 -m comment --comment podwire -j ACCEPT',
]

describeHost('a FORWARD chain that drops', () => {
  it('lets pods through, in rules that iptables can list, save and restore', async () => {
    await withCluster(async (cluster) => {
      const { a, b } = cluster.nodes
      await a.run(`${DROP}; iptables-nft -A FORWARD -s 198.51.100.0/24 -j DROP`)
      await apply(b, stateOf('b'))
      await apply(a, stateOf('a', { forwardAccept: false }))
      expect([await pings(a.pod, '10.1.2.5'), await pings(b.pod, 'fd00:1::5')]).toEqual([false, false])
      expect(await apply(a, stateOf('a'))).toMatchObject({ failed: 0, changed: { nft: { added: 4 } } })
      expect([await pings(a.pod, '10.1.2.5'), await pings(b.pod, 'fd00:1::5')]).toEqual([true, true])
      const listed = await forwardOf(cluster)
      expect(listed.slice(0, 4)).toEqual([...OURS, '-A FORWARD -s 198.51.100.0/24 -j DROP'])
      expect(listed.slice(4)).toEqual([
        '-P FORWARD DROP',
        expect.stringContaining('-d fd00:1::/64'),
        expect.stringContaining('-s fd00:1::/64'),
      ])
      await a.run('iptables-nft-save >/run/saved; iptables-nft-restore </run/saved')
      expect(await forwardOf(cluster)).toEqual(listed)
      // Rules that iptables has rewritten are still podwire's, and are replaced.
      expect((await apply(a, stateOf('a'))).changed.nft).toEqual({ added: 2, removed: 2, replaced: 0 })
      expect(await forwardOf(cluster)).toEqual(listed)
      expect((await apply(a, stateOf('a'))).changed.nft).toEqual({ added: 0, removed: 0, replaced: 0 })
    })
  })

  it('has our rules no longer when it no longer drops, or they are not wanted; others’ stay', async () => {
    await withCluster(async (cluster) => {
      const { a } = cluster.nodes
      await a.run(
        `${DROP}; iptables-nft -A FORWARD -s 10.1.1.0/24 -j ACCEPT; iptables-nft -A FORWARD -m comment --comment podwire2 -j RETURN`,
      )
      const before = await forwardOf(cluster)
      await apply(a, stateOf('a'))
      expect(await forwardOf(cluster)).toHaveLength(before.length + 4)
      await apply(a, stateOf('a', { forwardAccept: false }))
      expect(await forwardOf(cluster)).toEqual(before)
      await apply(a, stateOf('a'))
      await a.run('iptables-nft -P FORWARD ACCEPT; ip6tables-nft -P FORWARD ACCEPT')
      expect((await apply(a, stateOf('a'))).changed.nft).toEqual({ added: 0, removed: 4, replaced: 0 })
    })
  })

  it('has the rules of the subnets that the node has now', async () => {
    await withCluster(async (cluster) => {
      const { a } = cluster.nodes
      await a.run(DROP)
      await apply(a, stateOf('a'))
      const { node, ...rest } = stateOf('a')
      await apply(a, { ...rest, node: { ...node, podCidrs: ['10.7.0.0/20'] } })
      expect((await forwardOf(cluster)).filter((line) => line.includes('podwire')).map((line) => line.split(' ')[3])).toEqual([
        '10.7.0.0/20',
        '10.7.0.0/20',
      ])
    })
  })

  it('changes nothing when the chain is missing', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      await apply(a, stateOf('a'))
      expect(await a.run('nft list tables')).toBe('table inet podwire\n')
    })
  })
})
