import { describe, expect, it } from 'vitest'
import { describePool, nextPoolState, type PoolLevel, type PoolState } from './pool-level.ts'

/** The levels of a range of `size` addresses when [used, at second] are observed in turn. */
function levels(size: number, observed: readonly (readonly [used: number, second: number])[]): PoolLevel[] {
  let state: PoolState | undefined
  return observed.map(([used, second]) => {
    state = nextPoolState(state, { podCidr: '10.1.0.0/24', size, used }, second * 1000)
    return state.level
  })
}

describe('nextPoolState', () => {
  it.each<[title: string, size: number, observed: [number, number][], PoolLevel[]]>([
    [
      'is low from 90 %, exhausted when none is left',
      253,
      [
        [227, 0],
        [228, 1],
        [252, 2],
        [253, 3],
      ],
      ['free', 'low', 'low', 'exhausted'],
    ],
    [
      'stays exhausted while free addresses come and go',
      5,
      [
        [5, 0],
        [4, 1],
        [4, 10],
        [5, 10.5],
        [4, 11],
        [4, 20],
      ],
      ['exhausted', 'exhausted', 'exhausted', 'exhausted', 'exhausted', 'exhausted'],
    ],
    [
      'is no longer exhausted after 10 s with 5 % free',
      253,
      [
        [253, 0],
        [240, 1],
        [240, 10.9],
        [240, 11],
      ],
      ['exhausted', 'exhausted', 'exhausted', 'low'],
    ],
    [
      'is no longer exhausted after a minute with fewer free',
      253,
      [
        [253, 0],
        [252, 1],
        [252, 60],
        [252, 61],
      ],
      ['exhausted', 'exhausted', 'exhausted', 'low'],
    ],
    [
      'is free at once where most pods are gone after exhaustion',
      5,
      [
        [5, 0],
        [1, 1],
        [1, 11],
      ],
      ['exhausted', 'exhausted', 'free'],
    ],
    [
      'is low until fewer than 80 % are used for 10 s',
      100,
      [
        [90, 0],
        [80, 1],
        [80, 60],
        [79, 61],
        [80, 62],
        [79, 63],
        [79, 73],
      ],
      ['low', 'low', 'low', 'low', 'low', 'low', 'free'],
    ],
    ['is exhausted with more leases than addresses, and free without addresses', 1, [[2, 0]], ['exhausted']],
    ['is free where the range gives out nothing', 0, [[0, 0]], ['free']],
    ['is free in a range of IPv6 that no node can use up', 2 ** 64, [[60_000, 0]], ['free']],
  ])('%s', (_, size, observed, expected) => {
    expect(levels(size, observed)).toEqual(expected)
  })

  it('counts the pause again where addresses are exhausted once more', () => {
    expect(
      levels(5, [
        [5, 0],
        [4, 1],
        [4, 11],
        [5, 12],
        [4, 13],
        [4, 22],
        [4, 23],
      ]),
    ).toEqual(['exhausted', 'exhausted', 'low', 'exhausted', 'exhausted', 'exhausted', 'low'])
  })
})

describe('describePool', () => {
  it('has the figures', () => {
    expect(describePool({ podCidr: '10.1.0.0/24', size: 253, used: 228 })).toBe('228 of 253 addresses of 10.1.0.0/24 are in use (90 %)')
    expect(describePool({ podCidr: '10.1.0.0/29', size: 5, used: 5 })).toBe('all 5 addresses of 10.1.0.0/29 are in use')
  })
})
