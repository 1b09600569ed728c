// Another process changes what a pass has made, and the watch reports it; a pass does, and it does not.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { apply, type Cluster, type ClusterNode, makeCluster, stateOf } from '../../test/harness/cluster.ts'
import { describeHost, type Outcome, withHost } from '../../test/harness/netns.ts'
import { program } from '../../test/harness/node-files.ts'

interface Watch {
  /** What was reported since the last call, `EVENT OBJECT` each; waits until there is something, at most `wait` milliseconds. */
  heard(wait?: number): Promise<string[]>
  readonly ended: Promise<Outcome>
}

/** Longer than the 100 ms that a change may take: the machine may be busy with other tests. */
const SOON = 400

const withWatched = (body: (node: ClusterNode, watch: Watch, cluster: Cluster) => Promise<void>, seconds = 20) =>
  withHost(async (host) => {
    const cluster = await makeCluster(host)
    const { a } = cluster.nodes
    await apply(a, stateOf('a'))
    await body(a, await startWatch(a, seconds), cluster)
  })

/** Its stdin ends after `seconds`. */
async function startWatch(node: ClusterNode, seconds: number): Promise<Watch> {
  const file = join(node.stateDir, 'heard')
  const script = `sleep ${seconds} | exec ${program} node watch --state-dir ${node.stateDir} >${file}`
  const ended = node.netns.exec('sh', ['-c', script], { timeout: 60_000 })
  let taken = 0
  const read = () => {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
    const fresh = lines.slice(taken)
    taken = lines.length
    return fresh.map((line) => JSON.parse(line)).map(({ event, object = '' }) => `${event} ${object}`.trimEnd())
  }
  const heard = async (wait = SOON) => {
    const end = performance.now() + wait
    for (;;) {
      const fresh = read()
      if (fresh.length > 0 || performance.now() > end) return fresh
      await new Promise((done) => setTimeout(done, 5))
    }
  }
  expect(await heard(5000)).toEqual(['ready'])
  return { heard, ended }
}

/** What is changed, how, and what is heard of it. */
const CHANGES: readonly (readonly [what: string, change: string, event: string])[] = [
  ['a direct route', 'ip route del 10.1.2.0/24', 'route 10.1.2.0/24'],
  ['a route through the tunnel', 'ip -6 route del fd00:3::/64', 'route fd00:3::/64'],
  ['a route that another replaced', 'ip route replace 10.1.2.0/24 via 192.168.5.254', 'route 10.1.2.0/24'],
  ['the default route', 'ip route del default', 'route 0.0.0.0/0'],
  ['the tunnel', 'ip link del podwire.vx', 'link podwire.vx'],
  ['the tunnel that was taken down', 'ip link set podwire.vx down', 'link podwire.vx'],
  ['the tunnel’s MTU', 'ip link set podwire.vx mtu 1200', 'link podwire.vx'],
  ['the uplink’s MTU', 'ip link set eth0 mtu 1400', 'link eth0'],
  ['an address of the tunnel', 'ip addr del 10.1.1.0/32 dev podwire.vx', 'address 10.1.1.0'],
  ['the node’s address', 'ip addr del 192.168.5.1/24 dev eth0', 'address 192.168.5.1'],
  ['another address of the uplink', 'ip addr add 192.168.9.1/24 dev eth0', 'address 192.168.9.1'],
  ['a neighbour', 'ip neigh del 10.1.3.0 dev podwire.vx', 'neighbour 10.1.3.0'],
  ['a neighbour’s MAC', 'ip neigh replace 10.1.3.0 lladdr 02:00:00:00:00:01 dev podwire.vx nud permanent', 'neighbour 10.1.3.0'],
  ['a forwarding entry', 'bridge fdb del 0e:00:c0:a8:06:03 dev podwire.vx dst 192.168.6.3', 'fdb 0e00c0a80603'],
  ['the table', 'nft delete table inet podwire', 'nft inet podwire'],
  ['all tables', 'nft flush ruleset', 'nft inet podwire'],
  ['the rules', 'nft flush chain inet podwire masq', 'nft inet podwire masq'],
  ['an element', 'nft delete element inet podwire pods4 "{ 10.1.1.0/24 }"', 'nft inet podwire pods4'],
  ['an element too many', 'nft add element inet podwire exempt4 "{ 203.0.113.0/24 }"', 'nft inet podwire exempt4'],
  ['forwarding', 'echo 0 >/proc/sys/net/ipv4/ip_forward', 'sysctl net/ipv4/ip_forward'],
  ['a FORWARD chain that drops', 'iptables-nft -P FORWARD DROP', 'nft ip filter FORWARD'],
]

/** Until nothing has been reported for a while. */
async function settle(watch: Watch): Promise<void> {
  while ((await watch.heard(100)).length > 0);
}

describeHost('a watch', () => {
  it('reports each change within moments', async () => {
    await withWatched(async (node, watch) => {
      await node.run('iptables-nft -A FORWARD -j ACCEPT')
      // Its notification must not be taken for that of the first change.
      await settle(watch)
      for (const [what, change, event] of CHANGES) {
        await watch.heard(0)
        await node.run(change)
        expect(await watch.heard(), what).toContain(event)
        // As it was, for the next.
        await node.run(
          'ip link set eth0 mtu 1500; ip addr replace 192.168.5.1/24 dev eth0; ip route replace default via 192.168.5.254; ip route del 10.1.2.0/24 via 192.168.5.254 2>&1 || true',
        )
        await apply(node, stateOf('a'))
        await settle(watch)
      }
    }, 60)
  })

  it('is silent about passes, pods, and unmanaged objects', async () => {
    await withWatched(async (node, watch) => {
      await apply(node, stateOf('a', { mtu: 1400 }, ['a', 'b']))
      await apply(node, stateOf('a', { masquerade: { enabled: true, exempt: ['203.0.113.0/24'], randomFully: false } }))
      await apply(node, stateOf('a', { routing: { mode: 'direct', device: '', vni: 3, port: 8472 } }))
      await apply(node, stateOf('a'))
      await node.run(`ip link add veth0 type veth peer name veth1; ip link set veth0 up; ip addr add 169.254.1.1/32 dev veth0
        ip route add 10.1.1.9/32 dev veth0; ip neigh add 10.1.1.9 lladdr 02:00:00:00:00:01 dev veth0; ip link del veth0
        ip route add 198.51.100.0/24 via 192.168.5.2; ip route replace 198.51.100.0/24 via 192.168.5.254; ip route del 198.51.100.0/24
        nft add chain inet podwire hostports; nft add set inet podwire hostports4 "{ type inet_service; }"
        nft add element inet podwire hostports4 "{ 80 }"; nft delete element inet podwire hostports4 "{ 80 }"
        nft add table ip other; nft add chain ip other FORWARD; nft delete table ip other; iptables-nft -A INPUT -j ACCEPT`)
      expect(await watch.heard(500)).toEqual([])
      // And hears as before.
      await node.run('ip link del podwire.vx')
      expect(await watch.heard()).toContain('link podwire.vx')
    })
  })

  it('knows what a first pass has made after it began', async () => {
    await withHost(async (host) => {
      const { a } = (await makeCluster(host)).nodes
      const watch = await startWatch(a, 20)
      await apply(a, stateOf('a'))
      expect(await watch.heard(500)).toEqual([])
      await a.run('ip route del 10.1.2.0/24')
      expect(await watch.heard()).toEqual(['route 10.1.2.0/24'])
    })
  })

  it('reports the first few of a burst, once', async () => {
    await withWatched(async (node, watch) => {
      const state = stateOf('a')
      const peers = Array.from({ length: 300 }, (_, i) => ({
        name: `n${i}`,
        addresses: ['192.168.5.2'],
        podCidrs: [`10.2.${i & 255}.${i >> 8}/32`],
      }))
      await apply(node, { ...state, peers: peers.map((peer, i) => ({ ...peer, podCidrs: [`10.${2 + (i >> 8)}.${i & 255}.0/24`] })) })
      await node.run('ip route flush proto 157')
      const heard = [...(await watch.heard()), ...(await watch.heard(300))]
      expect(heard.length).toBeGreaterThan(0)
      expect(heard.length).toBeLessThan(150)
    })
  })

  it('ends with its stdin', async () => {
    await withWatched(async (_, { ended }) => {
      expect(await ended).toMatchObject({ status: 0, stderr: '' })
    }, 1)
  })
})
