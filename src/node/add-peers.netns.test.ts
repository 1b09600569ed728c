// Peers that have just joined get their routes before the next pass.

import { expect, it } from 'vitest'
import { apply, type Cluster, type ClusterNode, makeCluster, stateOf } from '../../test/harness/cluster.ts'
import { describeHost, withHost } from '../../test/harness/netns.ts'
import { program } from '../../test/harness/node-files.ts'
import type { NodeState } from './state.ts'

const withCluster = (body: (cluster: Cluster) => Promise<void>) => withHost(async (host) => body(await makeCluster(host)))

async function addPeers(node: ClusterNode, state: NodeState) {
  const { status, stdout, stderr } = await node.netns.exec(program, ['node', 'add-peers'], { stdin: JSON.stringify(state) })
  return { status, report: status === 0 ? JSON.parse(stdout) : undefined, stderr }
}

const objects = (node: ClusterNode) =>
  node.run(
    'ip route show proto 157; ip -6 route show proto 157; ip neigh show nud permanent; ip -6 neigh show nud permanent; bridge fdb show dev podwire.vx || true',
  )

describeHost('node add-peers', () => {
  it('makes exactly the objects that the next pass finds, which then does the rest', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      // With c there is a tunnel; b joins on the link. Then the other way round.
      for (const [present, joins] of [
        ['c', 'b'],
        ['b', 'c'],
      ] as const) {
        await apply(a, stateOf('a', { routing: { mode: 'vxlan', device: '', vni: 1, port: 8472 } }, ['a', present]))
        const both = stateOf('a', { routing: { mode: 'vxlan', device: '', vni: 1, port: 8472 } })
        const before = await a.run('nft -s list ruleset; ip -d link; ip addr')
        const { status, report } = await addPeers(a, { ...both, peers: both.peers.filter(({ name }) => name === joins) })
        expect({ status, report }).toEqual({ status: 0, report: { protocol: 1, added: 5 } })
        expect(await a.run('nft -s list ruleset; ip -d link; ip addr')).toBe(before)
        const added = await objects(a)
        expect(await apply(a, both)).toMatchObject({ failed: 0, changed: { routes: { added: 0, replaced: 0, removed: 0 } } })
        expect(await objects(a)).toBe(added)
      }
    })
  })

  it('leaves another program’s route, and a missing tunnel, to the pass', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      await apply(a, stateOf('a', {}, ['a']))
      await a.run('ip route add blackhole 10.1.2.0/24')
      const { status, report } = await addPeers(a, stateOf('a'))
      expect({ status, report }).toEqual({ status: 0, report: { protocol: 1, added: 1 } })
      expect(await a.run('ip route show proto 157; ip -6 route show proto 157; ip route show type blackhole')).toBe(
        'fd00:2::/64 via fd05::2 dev eth0 metric 1024 pref medium\nblackhole 10.1.2.0/24 \n',
      )
    })
  })

  it('rejects a bad state with the path of each problem, and changes nothing', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      const state = stateOf('a')
      const bad = { ...state, peers: [...state.peers, { name: 'x', addresses: ['1.2.3'], podCidrs: [] }] }
      const { status, stderr } = await addPeers(a, bad)
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('peers[2].addresses[0]') })
      expect(await objects(a)).toBe('')
    })
  })
})
