// As many peers as a large cluster has.

import { expect, it } from 'vitest'
import { apply, makeCluster, stateOf } from '../../test/harness/cluster.ts'
import { describeHost, withHost } from '../../test/harness/netns.ts'

const PEERS = 5000

/** Every other peer is on the link; `first` is the second octet of their subnets. */
function batch(first: number) {
  const peers = Array.from({ length: PEERS }, (_, i) => ({
    name: `node-${i}`,
    addresses: [i % 2 === 0 ? `192.168.5.${2 + (i % 200)}` : `172.16.${i >> 8}.${i & 255}`],
    podCidrs: [`10.${first + (i >> 8)}.${i & 255}.0/24`],
  }))
  return { ...stateOf('a'), peers }
}

/** A machine with other work takes several times as long; what it takes alone is in docs/benchmarks.md. */
const TIMEOUT = 4

describeHost('5,000 peers', () => {
  it('are made within a second, verified in a twentieth, repaired, replaced by others, and removed', async () => {
    await withHost(async (host) => {
      const { a } = (await makeCluster(host)).nodes
      const first = await apply(a, batch(100))
      expect(first).toMatchObject({
        failed: 0,
        problems: [],
        routes: { desired: PEERS, actual: PEERS },
        changed: { routes: { added: PEERS }, fdb: { added: PEERS / 2 }, neighbours: { added: PEERS / 2 } },
      })
      expect(first.durationMs).toBeLessThan(1000 * TIMEOUT)
      expect((await a.run('ip route show proto 157')).trim().split('\n')).toHaveLength(PEERS)
      expect((await a.run('bridge fdb show dev podwire.vx')).trim().split('\n')).toHaveLength(PEERS / 2)

      await apply(a, batch(100))
      const durations = []
      for (let i = 0; i < 5; i++) durations.push((await apply(a, batch(100))).durationMs)
      expect(Math.min(...durations)).toBeLessThan(50 * TIMEOUT)

      await a.run('ip route flush proto 157')
      expect(await apply(a, batch(100))).toMatchObject({ failed: 0, drift: { route: PEERS, fdb: 0 } })
      expect(await apply(a, batch(130))).toMatchObject({ failed: 0, changed: { routes: { added: PEERS, removed: PEERS } } })
      expect(await apply(a, stateOf('a', {}, ['a']))).toMatchObject({ failed: 0, routes: { desired: 0, actual: 0 } })
      expect(await a.run('ip route show proto 157')).toBe('')
    })
  })

  it('are each reported when the kernel rejects them', async () => {
    await withHost(async (host) => {
      const { a } = (await makeCluster(host)).nodes
      const taken = 1500
      const lines = Array.from({ length: taken }, (_, i) => `route add 10.${100 + (i >> 8)}.${i & 255}.0/24 dev eth0`)
      await a.netns.exec('ip', ['-batch', '-'], { stdin: lines.join('\n') })
      const report = await apply(a, batch(100))
      expect(report).toMatchObject({ failed: taken, routes: { desired: PEERS, actual: PEERS - taken } })
      expect(report.problems).toHaveLength(50)
      expect((await a.run('ip route show proto 157')).trim().split('\n')).toHaveLength(PEERS - taken)
    })
  })
})
