import { describe, expect, it } from 'vitest'
import { hasAddress, type Pool, poolProblems, poolRanges } from './pools.ts'

const pools: readonly Pool[] = [
  { name: 'ingress', from: 16, to: 31 },
  { name: 'db', from: 200, to: 300 },
]
const spans = (...args: Parameters<typeof poolRanges>) => poolRanges(...args).map(({ rangeStart, rangeEnd }) => `${rangeStart}-${rangeEnd}`)

describe('poolRanges', () => {
  it.each([
    ['a named pool', '10.1.0.0/24', 'ingress', [], ['10.1.0.16-10.1.0.31']],
    ['a pool that the podCIDR cuts', '10.1.0.0/24', 'db', [], ['10.1.0.200-10.1.0.254']],
    ['a pool outside the podCIDR', '10.1.0.0/28', 'db', [], []],
    ['the default pool', '10.1.0.0/24', '', [], ['10.1.0.1-10.1.0.15', '10.1.0.32-10.1.0.199']],
    ['the default pool of a small podCIDR', '10.1.0.0/28', '', [], ['10.1.0.1-10.1.0.14']],
    ['IPv6', 'fd00:1::/64', 'ingress', [], ['fd00:1::10-fd00:1::1f']],
    ['IPv6 without the pools', 'fd00:1::/112', '', [], ['fd00:1::1-fd00:1::f', 'fd00:1::20-fd00:1::c7', 'fd00:1::12d-fd00:1::ffff']],
    [
      'addresses set apart',
      '10.1.0.0/24',
      'ingress',
      ['10.1.0.16', '10.1.0.20', 'fd00::1', '10.9.9.9'],
      ['10.1.0.17-10.1.0.19', '10.1.0.21-10.1.0.31'],
    ],
  ] as const)('gives %s', (_, podCidr, name, apart, expected) => {
    expect(spans(podCidr, pools, name, apart)).toEqual(expected)
  })

  it('leaves the whole to host-local when there are no pools', () => {
    expect(poolRanges('10.1.0.0/31', [], '')).toEqual([{ subnet: '10.1.0.0/31' }])
  })

  it('names what pools cannot be', () => {
    expect(poolProblems(pools)).toEqual([])
    expect(
      poolProblems([
        { name: 'a', from: 9, to: 3 },
        { name: 'a', from: 1, to: 5 },
        { name: '', from: 4, to: 8 },
      ]),
    ).toEqual(['[0].to: is below from', '[1].name: "a" is listed twice', '[2].name: is missing', '[2]: overlaps "a"'])
  })

  it('hasAddress knows both bounds and the family', () => {
    const range = { subnet: '10.1.0.0/24', rangeStart: '10.1.0.9', rangeEnd: '10.1.0.10' }
    expect(['10.1.0.8', '10.1.0.9', '10.1.0.10', '10.1.0.11', 'fd00::9'].map((address) => hasAddress(range, address))).toEqual([
      false,
      true,
      true,
      false,
      false,
    ])
    expect(hasAddress({ subnet: '10.1.0.0/24' }, '10.1.0.77')).toBe(true)
  })
})
