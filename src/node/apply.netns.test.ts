// Repair, sweeping, what is left alone, what is taken back.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { apply, type Cluster, type ClusterNode, makeCluster, pings, stateOf } from '../../test/harness/cluster.ts'
import { describeHost, withHost } from '../../test/harness/netns.ts'
import { program } from '../../test/harness/node-files.ts'

const withCluster = (body: (cluster: Cluster) => Promise<void>) => withHost(async (host) => body(await makeCluster(host)))

const none = { added: 0, removed: 0, replaced: 0 }
const nothing = { routes: none, fdb: none, neighbours: none, links: none, nft: none, sysctls: none }
const noDrift = { route: 0, link: 0, nft: 0, fdb: 0, neighbour: 0, sysctl: 0 }

/** All that a node's kernel has, besides parameters, counters and what the clock changes. */
async function kernelOf(node: ClusterNode): Promise<string> {
  const commands = [
    'ip -d link',
    'ip addr',
    'ip -d route show table all',
    'ip -d -6 route show table all',
    'ip rule',
    'ip neigh show nud permanent',
    'bridge fdb',
  ]
  return node.run([...commands, 'nft -s list ruleset'].join('; '))
}

/** What is lost, how, and what the next pass counts. */
const DAMAGES: readonly (readonly [what: string, damage: string, drift: Partial<typeof noDrift>])[] = [
  ['a direct route', 'ip route del 10.1.2.0/24', { route: 1 }],
  ['a route through the tunnel', 'ip -6 route del fd00:3::/64', { route: 1 }],
  ['a route led elsewhere', 'ip route change 10.1.2.0/24 via 192.168.5.254 proto 157', { route: 1 }],
  ['all routes', 'ip route flush proto 157; ip -6 route flush proto 157', { route: 4 }],
  ['the tunnel', 'ip link del podwire.vx', { link: 3, route: 2, fdb: 1, neighbour: 2 }],
  ['the tunnel’s alias', 'ip link set podwire.vx alias mine', { link: 1 }],
  ['the tunnel’s MTU', 'ip link set podwire.vx mtu 1300', { link: 1 }],
  ['the tunnel’s MAC', 'ip link set podwire.vx address 02:00:00:00:00:01', { link: 1, neighbour: 2 }],
  ['an address of the tunnel', 'ip addr del 10.1.1.0/32 dev podwire.vx', { link: 1, route: 1, neighbour: 1 }],
  ['a forwarding entry', 'bridge fdb del 0e:00:c0:a8:06:03 dev podwire.vx dst 192.168.6.3', { fdb: 1 }],
  ['a forwarding entry led elsewhere', 'bridge fdb replace 0e:00:c0:a8:06:03 dev podwire.vx dst 192.168.6.77', { fdb: 1 }],
  ['a neighbour', 'ip neigh del 10.1.3.0 dev podwire.vx', { neighbour: 1 }],
  ['another MAC for a neighbour', 'ip neigh replace 10.1.3.0 lladdr 02:00:00:00:00:01 dev podwire.vx nud permanent', { neighbour: 1 }],
  ['the table', 'nft delete table inet podwire', { nft: 5 }],
  ['a rule', 'nft flush chain inet podwire masq', { nft: 1 }],
  ['a rule too many', 'nft insert rule inet podwire masq return', { nft: 1 }],
  ['an element', 'nft delete element inet podwire pods4 "{ 10.1.1.0/24 }"', { nft: 1 }],
  ['a set', 'nft flush chain inet podwire masq; nft delete set inet podwire exempt6', { nft: 2 }],
  ['forwarding', 'echo 0 >/proc/sys/net/ipv4/ip_forward', { sysctl: 1 }],
  ['forwarding of IPv6', 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding', { sysctl: 1 }],
]

describeHost('a pass', () => {
  it('finds nothing to do when nothing has changed, and reports the same again', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      await apply(a, stateOf('a'))
      const before = await kernelOf(a)
      const reports = [await apply(a, stateOf('a')), await apply(a, stateOf('a')), await apply(a, stateOf('a'))]
      for (const report of reports) {
        expect(report).toMatchObject({
          changed: nothing,
          drift: noDrift,
          routes: { desired: 4, actual: 4 },
          mtu: 1450,
          vxlan: true,
          failed: 0,
        })
      }
      expect(await kernelOf(a)).toBe(before)
    })
  })

  it('repairs and counts what was lost', async () => {
    await withCluster(async (cluster) => {
      const { a, c } = cluster.nodes
      await apply(c, stateOf('c'))
      await apply(a, stateOf('a'))
      for (const [what, damage, drift] of DAMAGES) {
        // Once more, so that the pass in question is not the first that could find nothing to do.
        expect(await apply(a, stateOf('a')), `after ${what}`).toMatchObject({ changed: nothing, drift: noDrift })
        await a.run(damage)
        expect(await apply(a, stateOf('a')), what).toMatchObject({ problems: [], drift: { ...noDrift, ...drift } })
        expect(await apply(a, stateOf('a')), what).toMatchObject({ changed: nothing, drift: noDrift })
        expect([await pings(a.pod, '10.1.3.5'), await pings(a.pod, 'fd00:3::5'), await pings(a.pod, '203.0.113.1')], what).toEqual([
          true,
          true,
          true,
        ])
      }
    })
  })

  it('brings a tunnel that was taken down up again, and the routes that went with it', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      await apply(a, stateOf('a'))
      await a.run('ip link set podwire.vx down')
      const { drift, problems } = await apply(a, stateOf('a'))
      expect({ drift, problems }).toMatchObject({ problems: [], drift: { route: 2, neighbour: 2 } })
      expect(drift.link).toBeGreaterThan(0)
      expect((await apply(a, stateOf('a'))).changed).toEqual(nothing)
    })
  })

  it('sweeps what an earlier life left, and nothing else', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      await a.run(`ip route add 198.51.100.0/24 via 192.168.5.2; ip route add 10.1.9.0/24 via 192.168.5.2 proto static; ip route add 10.1.8.0/24 via 192.168.5.2 table 77 proto 157
        ip link add other type vxlan id 5 dstport 4789; ip link add mine type bridge; nft add table ip mine; ip rule add from 10.9.9.9 table 77`)
      await apply(a, stateOf('a'))
      const before = await kernelOf(a)
      await a.run(`ip route add 10.9.9.0/24 via 192.168.5.2 proto 157; ip -6 route add fd09::/64 via fd05::2 proto 157
        bridge fdb add 0e:00:00:00:00:09 dev podwire.vx dst 192.168.6.9; ip neigh add 10.9.9.9 lladdr 0e:00:00:00:00:09 dev podwire.vx nud permanent`)
      await a.run('bridge fdb replace 0e:00:00:00:00:08 dev podwire.vx dst 192.168.6.8 permanent')
      const { changed, drift, problems } = await apply(a, stateOf('a'))
      expect({ changed, drift, problems }).toMatchObject({
        changed: { routes: { removed: 2 }, neighbours: { removed: 1 } },
        drift: noDrift,
        problems: [],
      })
      await a.run('for mac in 08 09; do bridge fdb del 0e:00:00:00:00:$mac dev podwire.vx || true; done')
      expect(await kernelOf(a)).toBe(before)
    })
  })

  it('takes the last state from the disk', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      expect(await a.podwire('node apply --last')).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('no pass has run on this node yet'),
      })
      const text = JSON.stringify(stateOf('a'))
      await apply(a, stateOf('a'))
      expect(readFileSync(`${a.stateDir}/desired.json`, 'utf8')).toBe(text)
      const before = await kernelOf(a)
      await a.run('ip route flush proto 157; nft flush ruleset')
      expect(await a.podwire('node apply --last')).toMatchObject({ status: 0 })
      expect(await kernelOf(a)).toBe(before)
    })
  })

  it('reports the differences and changes nothing in a dry run', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      const before = await kernelOf(a)
      const { stdout } = await a.podwire('node apply --dry-run', JSON.stringify(stateOf('a')))
      const { changes, changed } = JSON.parse(stdout)
      expect(changed).toMatchObject({ routes: { added: 4 }, links: { added: 3 }, nft: { added: 5 } })
      expect(changes).toContainEqual({
        kind: 'routes',
        action: 'added',
        object: expect.stringContaining('10.1.2.0/24 via 192.168.5.2 dev #'),
      })
      expect(await kernelOf(a)).toBe(before)
      expect((await a.podwire('node diff')).status).toBe(1)
    })
  })

  it('rejects an invalid state, and changes nothing', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      await apply(a, stateOf('a'))
      const before = await kernelOf(a)
      const wrong = { ...stateOf('a'), mtu: 1, peers: [{ name: 'b', addresses: ['x'], podCidrs: ['y'] }] }
      const { status, stderr } = await a.podwire('node apply', JSON.stringify(wrong))
      expect(status).toBe(1)
      expect(stderr).toContain('mtu: expected')
      expect(stderr).toContain('peers[0].podCidrs[0]: expected')
      expect(await a.podwire('node apply', '{"protocol":2}')).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('expected protocol 1'),
      })
      expect(await kernelOf(a)).toBe(before)
    })
  })
})

describeHost('removal', () => {
  it('leaves the node as it was before the first pass', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      await a.run(
        'iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -s 198.51.100.0/24 -j ACCEPT; ip route add 198.51.100.0/24 via 192.168.5.2',
      )
      // What stays, and makes addresses and groups of its own.
      await a.run('echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding')
      const before = await kernelOf(a)
      await apply(a, stateOf('a'))
      expect(await kernelOf(a)).not.toBe(before)
      const after = await kernelOf(a)
      const remove = (...flags: string[]) => a.netns.exec(program, ['node', 'remove', ...flags])
      expect((await remove('--dry-run')).stdout).toContain('would remove link: podwire.vx')
      expect(await kernelOf(a)).toBe(after)
      expect(await remove()).toMatchObject({ status: 0 })
      expect(await kernelOf(a)).toBe(before)
      expect(await remove()).toMatchObject({ status: 0, stdout: 'nothing to remove\n' })
    })
  })
})
