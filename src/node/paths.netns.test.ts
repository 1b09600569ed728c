// Pods of three nodes reach each other: two nodes on one link, the third behind a router that knows no pod.

import { describe, expect, it } from 'vitest'
import { apply, type Cluster, makeCluster, pings, stateOf } from '../../test/harness/cluster.ts'
import { describeHost, withHost } from '../../test/harness/netns.ts'
import type { NodeState } from './state.ts'

const withCluster = (body: (cluster: Cluster) => Promise<void>) => withHost(async (host) => body(await makeCluster(host)))

async function applyAll({ nodes }: Cluster, change: Partial<NodeState> = {}) {
  const reports = []
  for (const node of Object.values(nodes)) reports.push(await apply(node, stateOf(node.name, change)))
  return reports
}

/** Which of the pods of the other nodes answer pod `from`, and what the nodes themselves get. */
async function reach({ nodes }: Cluster): Promise<Record<string, boolean>> {
  const reached: Record<string, boolean> = {}
  for (const from of Object.values(nodes)) {
    for (const number of [1, 2, 3]) {
      for (const address of [`10.1.${number}.5`, `fd00:${number}::5`]) {
        reached[`pod ${from.name} ${address}`] = await pings(from.pod, address)
        reached[`node ${from.name} ${address}`] = await pings(from.netns, address)
      }
    }
  }
  return reached
}

describeHost('pods of three nodes', () => {
  it.each<[string, Partial<NodeState>]>([
    ['both paths, as the links are', {}],
    ['VXLAN everywhere', { routing: { mode: 'vxlan', device: '', vni: 77, port: 4789 } }],
  ])('reach each other over IPv4 and IPv6 by %s', async (_, change) => {
    await withCluster(async (cluster) => {
      const reports = await applyAll(cluster, change)
      expect(reports.map(({ problems, failed }) => ({ problems, failed }))).toEqual(Array(3).fill({ problems: [], failed: 0 }))
      expect(Object.entries(await reach(cluster)).filter(([, answered]) => !answered)).toEqual([])
    })
  })

  it('have a direct route to the neighbour and a tunnel to the node behind the router', async () => {
    await withCluster(async (cluster) => {
      const [report] = await applyAll(cluster)
      const { a } = cluster.nodes
      expect(report).toMatchObject({ routes: { desired: 4, actual: 4 }, mtu: 1450, vxlan: true, peers: [] })
      expect(
        (await a.run('ip route show proto 157; ip -6 route show proto 157'))
          .trim()
          .split('\n')
          .map((line) => line.trim()),
      ).toEqual([
        '10.1.2.0/24 via 192.168.5.2 dev eth0',
        '10.1.3.0/24 via 10.1.3.0 dev podwire.vx src 10.1.1.0 onlink',
        'fd00:2::/64 via fd05::2 dev eth0 metric 1024 pref medium',
        'fd00:3::/64 via fe80::e00:c0a8:603 dev podwire.vx src fd00:1:: metric 1024 pref medium',
      ])
      expect(await a.run('bridge fdb show dev podwire.vx')).toBe('0e:00:c0:a8:06:03 dst 192.168.6.3 self permanent\n')
      // As much as fits goes through in one piece, and one byte more does not.
      expect(await pings(a.pod, '10.1.3.5', '-M', 'do', '-s', `${1450 - 28}`)).toBe(true)
      expect(await pings(a.pod, '10.1.3.5', '-M', 'do', '-s', `${1450 - 27}`)).toBe(false)
      expect(await pings(a.pod, '10.1.2.5', '-M', 'do', '-s', `${1500 - 28}`)).toBe(true)
    })
  })

  it('matter to direct routing alone, and the node that it does not reach is reported', async () => {
    await withCluster(async (cluster) => {
      const [report] = await applyAll(cluster, { routing: { mode: 'direct', device: '', vni: 1, port: 8472 } })
      expect(report).toMatchObject({
        mtu: 1500,
        vxlan: false,
        failed: 0,
        peers: [
          { name: 'c', path: 'none' },
          { name: 'c', path: 'none' },
        ],
      })
      expect(await pings(cluster.nodes.a.pod, '10.1.2.5')).toBe(true)
      expect(await pings(cluster.nodes.a.pod, '10.1.3.5')).toBe(false)
    })
  })

  it('are found on another path without a gap when their node moves behind the router', async () => {
    await withCluster(async (cluster) => {
      await applyAll(cluster)
      const { a } = cluster.nodes
      const moved = stateOf('a')
      const peers = moved.peers.map((peer) => (peer.name === 'b' ? { ...peer, addresses: ['192.168.6.9', 'fd06::9'] } : peer))
      expect(await apply(a, { ...moved, peers })).toMatchObject({
        problems: [],
        changed: { routes: { added: 0, removed: 0, replaced: 2 } },
      })
      expect(await a.run('ip route show 10.1.2.0/24')).toContain('via 10.1.2.0 dev podwire.vx')
      expect((await apply(a, moved)).changed).toMatchObject({
        routes: { added: 0, removed: 0, replaced: 2 },
        fdb: { added: 0, removed: 1, replaced: 0 },
        neighbours: { added: 0, removed: 2, replaced: 0 },
      })
      expect(await pings(a.pod, '10.1.2.5')).toBe(true)
    })
  })

  it('lose what led to a node that left, and the tunnel with the last that needs it', async () => {
    await withCluster(async (cluster) => {
      await applyAll(cluster)
      const { a } = cluster.nodes
      expect(await apply(a, stateOf('a', {}, ['a', 'b']))).toMatchObject({
        changed: { routes: { added: 0, removed: 2, replaced: 0 }, links: { removed: 1 } },
        routes: { desired: 2, actual: 2 },
        vxlan: false,
        drift: { route: 0, link: 0 },
      })
      expect(await a.run('ip -o link show type vxlan')).toBe('')
      expect(await pings(a.pod, '10.1.2.5')).toBe(true)
    })
  })

  it('follow the MTU of the device that leads to the peers', async () => {
    await withCluster(async (cluster) => {
      await applyAll(cluster)
      const { a } = cluster.nodes
      await a.run('ip link set eth0 mtu 1400')
      expect(await apply(a, stateOf('a'))).toMatchObject({ mtu: 1350, changed: { links: { added: 0, removed: 0, replaced: 1 } } })
      expect(await a.run('cat /sys/class/net/podwire.vx/mtu || ip -o link show podwire.vx')).toContain('1350')
      expect(await apply(a, stateOf('a', { mtu: 1300 }))).toMatchObject({ mtu: 1300 })
      expect(await apply(a, stateOf('a', { mtu: 9000 }))).toMatchObject({ mtu: 1350, problems: [{ kind: 'mtu' }], failed: 0 })
    })
  })
})

describeHost('a state that the kernel does not fit', () => {
  describe('with what other processes made', () => {
    it('leaves an unmanaged route alone and reports it, and makes the others', async () => {
      await withCluster(async (cluster) => {
        const { a } = cluster.nodes
        await a.run('ip route add 10.1.2.0/24 via 192.168.5.254 proto static')
        const report = await apply(a, stateOf('a'))
        expect(report).toMatchObject({ routes: { desired: 4, actual: 3 }, failed: 1, problems: [{ kind: 'route-taken', failed: true }] })
        expect(await a.run('ip route show 10.1.2.0/24')).toContain('via 192.168.5.254 dev eth0 proto static')
      })
    })

    it('leaves an unmanaged device of the same name alone, and makes the direct routes', async () => {
      await withCluster(async (cluster) => {
        const { a } = cluster.nodes
        await a.run('ip link add podwire.vx type bridge')
        expect(await apply(a, stateOf('a'))).toMatchObject({
          routes: { desired: 2, actual: 2 },
          failed: 1,
          problems: [{ kind: 'link', object: 'podwire.vx' }],
        })
        expect(await a.run('ip -d link show podwire.vx')).toContain('bridge forward_delay')
      })
    })

    it('replaces its own device when the identifier has changed', async () => {
      await withCluster(async (cluster) => {
        const { a } = cluster.nodes
        await apply(a, stateOf('a'))
        expect(await apply(a, stateOf('a', { routing: { mode: 'auto', device: '', vni: 9, port: 8472 } }))).toMatchObject({
          failed: 0,
          changed: { links: { replaced: 1 } },
          routes: { desired: 4, actual: 4 },
        })
        expect(await a.run('ip -d link show podwire.vx')).toContain('vxlan id 9 ')
      })
    })

    it('reports that another VXLAN device has the identifier and the port', async () => {
      await withCluster(async (cluster) => {
        const { a } = cluster.nodes
        await a.run('ip link add other type vxlan id 1 dstport 8472 local 192.168.5.1')
        const report = await apply(a, stateOf('a'))
        expect(report).toMatchObject({
          routes: { desired: 2, actual: 2 },
          problems: [{ kind: 'vxlan', message: expect.stringContaining('routing.vni') }],
        })
      })
    })

    it('makes no route for a podCIDR in which the node itself has an address', async () => {
      await withCluster(async (cluster) => {
        const { a } = cluster.nodes
        await a.run('ip link add docker0 type bridge; ip addr add 10.1.2.1/24 dev docker0')
        expect(await apply(a, stateOf('a'))).toMatchObject({
          failed: 0,
          routes: { desired: 3, actual: 3 },
          problems: [{ kind: 'host-overlap', object: '10.1.2.0/24' }],
        })
      })
    })
  })

  it('keeps the routes where no device has the node’s address any more', async () => {
    await withCluster(async (cluster) => {
      const { a } = cluster.nodes
      await apply(a, stateOf('a'))
      await a.run('ip -6 addr flush dev eth0 scope global; ip addr add 192.168.5.77/24 dev eth0; ip addr del 192.168.5.1/24 dev eth0')
      expect(await apply(a, stateOf('a'))).toMatchObject({ failed: 1, problems: [{ kind: 'no-uplink' }] })
      expect(await a.run('ip -o link show type vxlan')).toContain('podwire.vx')
    })
  })
})
