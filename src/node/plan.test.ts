import { describe, expect, it } from 'vitest'
import { type ClusterNode, type PlanConfig, plan } from './plan.ts'
import { defaultRouting } from './state.ts'

const config: PlanConfig = {
  routing: defaultRouting,
  mtu: 0,
  masquerade: { enabled: true, exempt: ['192.0.2.0/24'], randomFully: true },
  forwardAccept: true,
  clusterCidrs: ['10.1.0.0/16'],
  serviceCidrs: ['10.96.0.0/12'],
}

const node = (name: string, last: number, more: Partial<ClusterNode> = {}): ClusterNode => ({
  name,
  addresses: [`192.168.0.${last}`],
  podCidrs: [`10.1.${last}.0/24`],
  ...more,
})

const me = node('me', 1)
const peer = node('peer', 2)

/** Who the peers are, and `KIND node` for each problem. */
function outcome(nodes: readonly ClusterNode[], changed: Partial<PlanConfig> = {}) {
  const { state, problems } = plan(nodes, 'me', { ...config, ...changed })
  return { peers: state?.peers.map(({ name }) => name), problems: problems.map(({ kind, object }) => `${kind} ${object}`) }
}

describe('plan()', () => {
  it('makes the peers those that are not this node, by name, and exempts what the configuration names', () => {
    const { state, problems } = plan([node('z', 3), peer, me], 'me', config)
    expect(problems).toEqual([])
    expect(state).toEqual({
      protocol: 1,
      node: { name: 'me', addresses: ['192.168.0.1'], podCidrs: ['10.1.1.0/24'] },
      peers: [
        { name: 'peer', addresses: ['192.168.0.2'], podCidrs: ['10.1.2.0/24'] },
        { name: 'z', addresses: ['192.168.0.3'], podCidrs: ['10.1.3.0/24'] },
      ],
      routing: { mode: 'auto', device: '', vni: 1, port: 8472 },
      mtu: 0,
      masquerade: { enabled: true, exempt: ['10.1.0.0/16', '192.0.2.0/24'], randomFully: true },
      forwardAccept: true,
    })
  })

  it('is the same whatever the order of the nodes', () => {
    const nodes = [
      me,
      peer,
      node('twin', 2),
      node('bad', 9, { podCidrs: ['x'] }),
      node('older', 2, { creationTimestamp: '2024-01-01T00:00:00Z' }),
    ]
    expect(plan([...nodes].reverse(), 'me', config)).toEqual(plan(nodes, 'me', config))
  })

  it.each<[string, ClusterNode[], string[]]>([
    ['is unknown', [peer], ['self-unknown me']],
    ['has no podCIDR', [{ ...me, podCidrs: [] }, peer], ['no-pod-cidr me']],
    ['has only nonsense for a podCIDR', [{ ...me, podCidrs: ['10.1.1.5/24'] }, peer], ['bad-pod-cidr me']],
    ['has no address', [{ ...me, addresses: [] }, peer], ['no-address me']],
    ['has no address to be reached at', [{ ...me, addresses: ['127.0.0.1'] }, peer], ['bad-address me']],
  ])('gives no state while the node itself %s', (_, nodes, problems) => {
    expect(outcome(nodes)).toEqual({ peers: undefined, problems })
  })

  it.each<[string, ClusterNode[], string[]]>([
    ['no podCIDR', [node('bad', 9, { podCidrs: [] })], ['no-pod-cidr bad']],
    ['a podCIDR without a length', [node('bad', 9, { podCidrs: ['10.1.9.0'] })], ['bad-pod-cidr bad']],
    ['host bits in its podCIDR', [node('bad', 9, { podCidrs: ['10.1.9.1/24'] })], ['bad-pod-cidr bad']],
    ['all addresses for its podCIDR', [node('bad', 9, { podCidrs: ['0.0.0.0/0'] })], ['bad-pod-cidr bad']],
    ['half of IPv6 for its podCIDR', [node('bad', 9, { podCidrs: ['8000::/1'] })], ['bad-pod-cidr bad']],
    ['a podCIDR without an address for a pod', [node('bad', 9, { podCidrs: ['10.1.9.0/31'] })], ['bad-pod-cidr bad']],
    ['the loopback for its podCIDR', [node('bad', 9, { podCidrs: ['127.1.0.0/24'] })], ['bad-pod-cidr bad']],
    ['mapped addresses for its podCIDR', [node('bad', 9, { podCidrs: ['::ffff:10.1.9.0/120'] })], ['bad-pod-cidr bad']],
    ['multicast for its podCIDR', [node('bad', 9, { podCidrs: ['ff02::/64'] })], ['bad-pod-cidr bad']],
    ['no address', [node('bad', 9, { addresses: [] })], ['no-address bad']],
    ['text for an address', [node('bad', 9, { addresses: ['bad.example'] })], ['bad-address bad']],
    ['a link-local address', [node('bad', 9, { addresses: ['fe80::1'] })], ['bad-address bad']],
    ['the unspecified address', [node('bad', 9, { addresses: ['::'] })], ['bad-address bad']],
    ['this node’s address', [node('bad', 9, { addresses: ['192.168.0.1'] })], ['duplicate-address bad']],
    ['this node’s podCIDR', [node('bad', 9, { podCidrs: ['10.1.1.0/24'] })], ['overlapping-pod-cidr bad']],
    ['a part of this node’s podCIDR', [node('bad', 9, { podCidrs: ['10.1.1.128/25'] })], ['overlapping-pod-cidr bad']],
    ['this node’s podCIDR in its own', [node('bad', 9, { podCidrs: ['10.1.0.0/20'] })], ['overlapping-pod-cidr bad']],
    ['the nodes’ own subnet', [node('bad', 9, { podCidrs: ['192.168.0.0/24'] })], ['host-overlap bad']],
    ['its own address in its podCIDR', [node('bad', 9, { addresses: ['10.1.9.1'] })], ['host-overlap bad']],
    ['this node’s name', [node('me', 9)], ['duplicate-name me']],
  ])('skips a node that has %s, and no other', (_, bad, problems) => {
    expect(outcome([...bad, me, peer])).toEqual({ peers: ['peer'], problems })
  })

  it('keeps the valid parts of an invalid Node', () => {
    const half = node('half', 9, { addresses: ['x', '192.168.0.9'], podCidrs: ['10.1.1.0/24', 'fd00:9::/64'] })
    const { state, problems } = plan([me, half], 'me', config)
    expect(state?.peers).toEqual([{ name: 'half', addresses: ['192.168.0.9'], podCidrs: ['fd00:9::/64'] }])
    expect(problems.map(({ kind }) => kind)).toEqual(['bad-address', 'overlapping-pod-cidr'])
  })

  it('gives the older of two what both want, or the first by name where both are as old', () => {
    const old = { creationTimestamp: '2024-01-01T00:00:00Z' }
    const young = { creationTimestamp: '2025-01-01T00:00:00Z' }
    expect(outcome([me, node('a', 2, { ...young, addresses: ['192.168.0.3'] }), node('b', 2, old)]).peers).toEqual(['b'])
    expect(outcome([me, node('b', 2, { addresses: ['192.168.0.3'] }), node('a', 2)]).peers).toEqual(['a'])
  })

  it('serves this node before an older one that has the same subnet', () => {
    const older = node('older', 1, { addresses: ['192.168.0.9'], creationTimestamp: '2020-01-01T00:00:00Z' })
    expect(outcome([older, { ...me, creationTimestamp: '2025-01-01T00:00:00Z' }])).toEqual({
      peers: [],
      problems: ['overlapping-pod-cidr older'],
    })
  })

  it('reports a subnet inside the Service range and serves it', () => {
    expect(outcome([me, node('peer', 2, { podCidrs: ['10.100.0.0/24'] })])).toEqual({ peers: ['peer'], problems: ['service-overlap peer'] })
  })

  it.each([
    [253, []],
    [254, ['pool-too-small me']],
  ])('compares this node’s pool with %i pods', (maxPods, problems) => {
    expect(
      outcome([
        { ...me, maxPods },
        { ...peer, maxPods: 1000 },
      ]).problems,
    ).toEqual(problems)
  })

  it.each([
    [254, []],
    [255, ['pool-too-small me']],
  ])('compares a pool of IPv6, whose last address a pod can have, with %i pods', (maxPods, problems) => {
    expect(outcome([{ ...me, podCidrs: ['fd00:1::/120'], maxPods }]).problems).toEqual(problems)
  })

  it('reports an invalid Service range', () => {
    expect(outcome([me], { serviceCidrs: ['10.96.0.1/12'] }).problems).toEqual(['bad-config '])
  })

  it('takes nodes of one family or both', () => {
    const nodes = [
      node('me', 1, { addresses: ['192.168.0.1', 'fd01::1'], podCidrs: ['10.1.1.0/24', 'fd00:1::/64'] }),
      node('six', 2, { addresses: ['fd01::2'], podCidrs: ['fd00:2::/64'] }),
    ]
    expect(outcome(nodes)).toEqual({ peers: ['six'], problems: [] })
  })

  it('plans 5,000 nodes in tens of milliseconds', () => {
    const nodes = Array.from({ length: 5000 }, (_, i) => ({
      name: `node-${(i * 7919) % 5000}`,
      addresses: [`172.16.${i >> 8}.${i & 255}`],
      podCidrs: [`10.${i >> 8}.${i & 255}.0/24`],
      creationTimestamp: `2024-01-01T00:00:${i % 60}Z`,
    }))
    const times = [1, 2, 3].map(() => {
      // What other processes take is not the plan's.
      const start = process.cpuUsage()
      expect(plan(nodes, 'node-0', config).state?.peers).toHaveLength(4999)
      return process.cpuUsage(start).user / 1000
    })
    // 25 to 35 on a machine with nothing else to do.
    expect(Math.min(...times)).toBeLessThan(150)
    expect(plan(nodes, 'node-0', config).problems).toEqual([])
  })
})
