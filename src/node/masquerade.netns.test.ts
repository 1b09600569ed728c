// What the outside sees of pods: the node's address, or where that is wished the pod's own.

import { expect, it } from 'vitest'
import { apply, type Cluster, makeCluster, pings, stateOf } from '../../test/harness/cluster.ts'
import { describeHost, withHost } from '../../test/harness/netns.ts'

const withCluster = (body: (cluster: Cluster) => Promise<void>) => withHost(async (host) => body(await makeCluster(host)))

const masquerade = { enabled: true, exempt: ['10.1.0.0/16', 'fd00::/32'], randomFully: true }

/** A server outside that counts source addresses; it has routes to nodes only. */
async function countSources({ outside }: Cluster): Promise<void> {
  const { status, stderr } = await outside.exec('nft', ['-f', '-'], {
    stdin: `table inet seen {
      set sources4 { type ipv4_addr; flags dynamic; }
      set sources6 { type ipv6_addr; flags dynamic; }
      chain input {
        type filter hook input priority 0
        icmp type echo-request add @sources4 { ip saddr }
        icmpv6 type echo-request add @sources6 { ip6 saddr }
      }
    }`,
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
}

async function seenSources({ outside }: Cluster): Promise<string[]> {
  const { stdout } = await outside.exec('nft', ['list', 'table', 'inet', 'seen'])
  return [...stdout.matchAll(/elements = \{ (.*?) \}/gs)].flatMap(([, elements = '']) => elements.split(/,\s*/)).sort()
}

describeHost('masquerade', () => {
  it('gives what pods send outside the node’s address, and other pods the pod’s own', async () => {
    await withCluster(async (cluster) => {
      const { a, b } = cluster.nodes
      for (const node of [a, b]) expect(await apply(node, stateOf(node.name, { masquerade }))).toMatchObject({ failed: 0 })
      await countSources(cluster)
      expect(await pings(a.pod, '203.0.113.1')).toBe(true)
      expect(await pings(a.pod, '2001:db8::1')).toBe(true)
      expect(await seenSources(cluster)).toEqual(['192.168.5.1', 'fd05::1'])
      await b.pod.exec('nft', ['add table ip seen; add set ip seen sources4 { type ipv4_addr; flags dynamic; }'])
      await b.pod.exec('nft', ['add chain ip seen input { type filter hook input priority 0; }'])
      await b.pod.exec('nft', ['add rule ip seen input icmp type echo-request add @sources4 { ip saddr }'])
      expect(await pings(a.pod, '10.1.2.5')).toBe(true)
      expect((await b.pod.exec('nft', ['list', 'set', 'ip', 'seen', 'sources4'])).stdout).toContain('elements = { 10.1.1.5 }')
    })
  })

  it('leaves the pod’s address to what is sent to an exempt prefix', async () => {
    await withCluster(async (cluster) => {
      const { a } = cluster.nodes
      await apply(a, stateOf('a', { masquerade: { ...masquerade, exempt: ['203.0.113.0/24', '2001:db8::/32'] } }))
      await countSources(cluster)
      await pings(a.pod, '203.0.113.1')
      await pings(a.pod, '2001:db8::1')
      expect(await seenSources(cluster)).toEqual(['10.1.1.5', 'fd00:1::5'])
    })
  })

  it('changes sets by what changed, and a rule by its option', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      await apply(a, stateOf('a', { masquerade: { ...masquerade, exempt: [] } }))
      const rules = await a.run('nft list chain inet podwire masq')
      expect(rules).toContain('type nat hook postrouting priority srcnat + 5; policy accept;')
      expect(rules).toContain('ip saddr @pods4 ip daddr != @exempt4 masquerade fully-random')
      expect(rules).toContain('ip6 saddr @pods6 ip6 daddr != @exempt6 masquerade fully-random')
      expect(await a.run('nft list set inet podwire exempt4')).toContain('elements = { 10.1.1.0-10.1.3.255, 224.0.0.0/4 }')
      const report = await apply(
        a,
        stateOf('a', { masquerade: { ...masquerade, exempt: ['10.1.4.0/24'], randomFully: false } }, ['a', 'b']),
      )
      expect(report).toMatchObject({ failed: 0, changed: { nft: { added: 1, removed: 0, replaced: 2 } }, drift: { nft: 0 } })
      expect(await a.run('nft list set inet podwire exempt4')).toContain('elements = { 10.1.1.0-10.1.2.255, 10.1.4.0/24,')
      expect(await a.run('nft list chain inet podwire masq')).toContain('ip daddr != @exempt4 masquerade\n')
    })
  })

  it('is removed when masquerade is off, and leaves the plugin’s objects', async () => {
    await withCluster(async ({ nodes: { a } }) => {
      await a.run(
        'nft add table inet podwire; nft add chain inet podwire hostports; nft add set inet podwire hostports4 "{ type inet_service; }"',
      )
      const before = await a.run('nft list ruleset')
      await apply(a, stateOf('a', { masquerade }))
      expect(await a.run('nft list table inet podwire')).toContain('chain hostports {')
      const report = await apply(a, stateOf('a', { masquerade: { ...masquerade, enabled: false } }))
      expect(report.changed.nft).toEqual({ added: 0, removed: 5, replaced: 0 })
      expect(await a.run('nft list ruleset')).toBe(before)
    })
  })
})
