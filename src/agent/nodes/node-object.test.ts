import { describe, expect, it } from 'vitest'
import { nodeJson, numberedNode } from '../../../test/fake-api/node-json.ts'
import { clusterNodeOf, sameClusterNode } from './node-object.ts'

describe('a Node object', () => {
  it('is reduced to what the plan takes', () => {
    const node = clusterNodeOf(JSON.parse(nodeJson(numberedNode(258), 5, 0, 40)))
    expect(node).toEqual({
      name: 'ip-172-16-1-2.eu-central-1.compute.internal',
      addresses: ['172.16.1.2'],
      podCidrs: ['10.1.2.0/24'],
      maxPods: 110,
      creationTimestamp: '2026-03-04T05:06:07Z',
    })
  })

  it('is the same after a heartbeat', () => {
    const [before, after] = [0, 1].map((beat) => clusterNodeOf(JSON.parse(nodeJson(numberedNode(3), 5 + beat, beat, 1))))
    expect(before && after && sameClusterNode(before, after)).toBe(true)
  })

  it.each([
    ['podCIDRs before podCIDR', { podCIDR: '10.1.0.0/24', podCIDRs: ['10.2.0.0/24', 'fd00::/64'] }, ['10.2.0.0/24', 'fd00::/64']],
    ['podCIDR alone', { podCIDR: '10.1.0.0/24' }, ['10.1.0.0/24']],
    ['an empty list', { podCIDR: '10.1.0.0/24', podCIDRs: [] }, ['10.1.0.0/24']],
    ['none', {}, []],
    ['an empty text', { podCIDR: '' }, []],
    ['a number', { podCIDR: 5, podCIDRs: 'x' }, []],
    ['a list with holes', { podCIDRs: [null, '10.1.0.0/24', 7] }, ['10.1.0.0/24']],
  ])('has the podCIDRs of its spec: %s', (_, spec, expected) => {
    expect(clusterNodeOf({ metadata: { name: 'n' }, spec })?.podCidrs).toEqual(expected)
  })

  it.each([null, 5, 'x', [], {}, { metadata: null }, { metadata: { name: '' } }, { metadata: { name: 7 } }, { metadata: [] }])(
    'is rejected when it is %j',
    (object) => {
      expect(clusterNodeOf(object)).toBeUndefined()
    },
  )

  it.each([
    { status: null, spec: 7 },
    { status: { addresses: 'x', allocatable: [] } },
    {
      status: { addresses: [null, { type: 'InternalIP' }, { type: 'InternalIP', address: 4 }, { type: 'ExternalIP', address: '1.1.1.1' }] },
    },
    { status: { allocatable: { pods: 'many' } } },
    { status: { allocatable: { pods: -1 } } },
  ])('is a Node without what is not as expected: %j', (rest) => {
    expect(clusterNodeOf({ metadata: { name: 'n' }, ...rest })).toEqual({ name: 'n', addresses: [], podCidrs: [] })
  })
})
