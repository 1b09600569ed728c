import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { range } from '../../test/harness/range.ts'
import { formatAddress, parseAddress } from '../net/address.ts'
import { assignRequests, candidates } from './allocator.ts'
import { capacity, type RangeSet, rangeOf } from './range.ts'

const order = (set: RangeSet, last?: string) =>
  [...candidates(set, last ? parseAddress(last) : undefined)].map(({ address }) => formatAddress(address))
const small = [range('192.168.1.0/29')]
const three = [range('10.0.0.0/30'), range('10.0.1.0/30'), range('10.0.2.0/30')]

describe('candidates', () => {
  const tail = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `192.168.1.${from + i}`)
  it.each([
    { what: 'the start of a fresh set', set: small, last: undefined, expected: tail(2, 6) },
    { what: 'the address after the last one', set: small, last: '192.168.1.3', expected: [...tail(4, 6), ...tail(2, 3)] },
    { what: 'the start after the end', set: small, last: '192.168.1.6', expected: tail(2, 6) },
    { what: 'the start where the last one is of another subnet', set: small, last: '10.9.9.9', expected: tail(2, 6) },
    { what: 'the start where the last one is of the other family', set: small, last: 'fd00::3', expected: tail(2, 6) },
    { what: 'the next range after the end of one', set: three, last: '10.0.0.2', expected: ['10.0.1.2', '10.0.2.2', '10.0.0.2'] },
    { what: 'the first range after the last one', set: three, last: '10.0.2.2', expected: ['10.0.0.2', '10.0.1.2', '10.0.2.2'] },
    { what: 'the only address again', set: [range('10.0.0.0/30')], last: '10.0.0.2', expected: ['10.0.0.2'] },
    {
      what: 'the start of the explicit range',
      set: [range('10.0.0.0/24', { start: '10.0.0.10', end: '10.0.0.12', gateway: '10.0.0.11' })],
      last: undefined,
      expected: ['10.0.0.10', '10.0.0.12'],
    },
    {
      what: 'nothing where the gateway is all there is',
      set: [range('10.0.0.0/24', { start: '10.0.0.1', end: '10.0.0.1' })],
      last: undefined,
      expected: [],
    },
    { what: 'the last IPv6 address too', set: [range('fd00::/126')], last: undefined, expected: ['fd00::2', 'fd00::3'] },
    { what: 'nothing of an empty set', set: [], last: undefined, expected: [] },
  ])('continue with $what', ({ set, last, expected }) => {
    expect(order(set, last)).toEqual(expected)
  })

  it('are each address of the set once and never a gateway, wherever they begin', () => {
    const ranges = fc
      .uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 4 })
      .chain((subnets) =>
        fc.tuple(...subnets.map((subnet) => fc.integer({ min: 26, max: 30 }).map((length) => range(`10.0.${subnet}.0/${length}`)))),
      )
    fc.assert(
      fc.property(ranges, fc.nat(300), (set, skip) => {
        const all = order(set)
        const last = all[skip % all.length]
        const found = order(set, last)
        expect(new Set(found).size).toBe(found.length)
        expect(found).toHaveLength(capacity(set))
        expect([...found].sort()).toEqual([...all].sort())
        expect(found.at(-1)).toBe(last)
        for (const address of found) {
          const inside = rangeOf(set, parseAddress(address))
          expect(inside && formatAddress(inside.gateway)).not.toBe(address)
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('assignRequests', () => {
  const sets = [[range('10.0.0.0/24')], [range('10.0.1.0/24')], [range('fd00::/64')]]
  it.each([
    { what: 'to the set they lie in', requested: ['fd00::9', '10.0.1.9'], assigned: [undefined, '10.0.1.9', 'fd00::9'], unplaced: [] },
    {
      what: 'the first of the request when several fit',
      requested: ['10.0.0.9', '10.0.0.8'],
      assigned: ['10.0.0.9', undefined, undefined],
      unplaced: ['10.0.0.8'],
    },
    {
      what: 'once when one is requested twice',
      requested: ['10.0.0.9', '10.0.0.9'],
      assigned: ['10.0.0.9', undefined, undefined],
      unplaced: [],
    },
    {
      what: 'to no set when no set has them',
      requested: ['192.0.2.1'],
      assigned: [undefined, undefined, undefined],
      unplaced: ['192.0.2.1'],
    },
  ])('gives addresses $what', ({ requested, assigned, unplaced }) => {
    const found = assignRequests(sets, requested.map(parseAddress))
    expect(found.assigned.map((address) => address && formatAddress(address))).toEqual(assigned)
    expect(found.unplaced).toEqual(unplaced)
  })
})
