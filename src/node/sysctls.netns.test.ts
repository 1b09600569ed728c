// The kernel parameters without which pods reach nothing.

import { expect, it } from 'vitest'
import { apply, makeCluster, stateOf } from '../../test/harness/cluster.ts'
import { describeHost, withHost } from '../../test/harness/netns.ts'

const KEYS = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding', 'ipv6/conf/eth0/accept_ra', 'ipv4/conf/podwire.vx/rp_filter']

/** Sets the keys to `before`, makes a pass, and reads those that a pass may set. */
const after = (before: string, change: Parameters<typeof stateOf>[1] = {}) =>
  withHost(async (host) => {
    const { a } = (await makeCluster(host)).nodes
    await a.run(before)
    const { changed } = await apply(a, stateOf('a', change))
    const values = (await a.run(KEYS.map((key) => `cat /proc/sys/net/${key} 2>/dev/null || echo -`).join(';'))).trim().split('\n')
    return { values, replaced: changed.sysctls.replaced }
  })

const node4 = { ...stateOf('a').node, podCidrs: ['10.1.1.0/24'] }

describeHost('kernel parameters', () => {
  it.each<[string, string, Parameters<typeof stateOf>[1], string[], number]>([
    ['forwarding, and router advertisements all the same', '', {}, ['1', '1', '2', '0'], 3],
    ['what an administrator has set otherwise stays', 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra', {}, ['1', '1', '0', '0'], 2],
    ['what is set already is not counted', 'echo 1 >/proc/sys/net/ipv4/ip_forward', { node: node4 }, ['1', '0', '1', '0'], 0],
    [
      'a strict machine is loose about the tunnel',
      'echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter',
      { node: node4 },
      ['1', '0', '1', '2'],
      2,
    ],
  ])('%s', async (_, before, change, values, replaced) => {
    expect(await after(`echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter; ${before || 'true'}`, change)).toEqual({ values, replaced })
  })

  it('keeps routes by router advertisement on every link, not on the uplink alone', async () => {
    await withHost(async (host) => {
      const { a } = (await makeCluster(host)).nodes
      await a.run(
        'ip link add heard up type veth peer name quiet; ip link set quiet up; ip -6 route add 2001:db8:9::/64 via fe80::9 dev heard proto ra',
      )
      await apply(a, stateOf('a'))
      expect(await a.run('cd /proc/sys/net/ipv6/conf; cat heard/accept_ra quiet/accept_ra all/forwarding')).toBe('2\n1\n1\n')
    })
  })
})
