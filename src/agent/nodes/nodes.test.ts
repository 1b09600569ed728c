import { describe, expect, it } from 'vitest'
import type { ClusterNode } from '../../node/plan.ts'
import { Nodes } from './nodes.ts'

const node = (name: string, podCidr = '10.1.0.0/24'): ClusterNode => ({ name, addresses: ['192.0.2.1'], podCidrs: [podCidr] })
const all = (...list: ClusterNode[]) => new Map(list.map((entry) => [entry.name, entry]))

describe('the Nodes', () => {
  it('report changes, and nothing that stayed the same', () => {
    let reported = 0
    const nodes = new Nodes(() => reported++)
    const steps: [string, () => boolean, number][] = [
      ['the first list, though empty', () => nodes.replace(all()), 1],
      ['the same list', () => nodes.replace(all()), 1],
      ['a new one', () => nodes.set(node('a')), 2],
      ['the same again', () => nodes.set(node('a')), 2],
      ['another subnet', () => nodes.set(node('a', '10.2.0.0/24')), 3],
      ['the same as a list', () => nodes.replace(all(node('a', '10.2.0.0/24'))), 3],
      ['a list with another one', () => nodes.replace(all(node('b'))), 4],
      ['an unknown one is deleted', () => nodes.delete('a'), 4],
      ['one is deleted', () => nodes.delete('b'), 5],
    ]
    for (const [what, step, expected] of steps) {
      const before = reported
      expect(step(), what).toBe(expected > before)
      expect(reported, what).toBe(expected)
    }
    expect(nodes.list()).toEqual([])
    expect(nodes.synced).toBe(true)
  })
})
