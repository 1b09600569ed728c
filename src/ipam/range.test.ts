import { describe, expect, it } from 'vitest'
import { readConfig } from '../../test/harness/ipam.ts'
import { range } from '../../test/harness/range.ts'
import { formatAddress, parseAddress } from '../net/address.ts'
import { capacity, formatRangeSet, rangeContains, rangeSetProblems, readRange } from './range.ts'

const text = (json: { [key: string]: string }) => {
  const read = readConfig((reader) => readRange(reader), json)
  return read && `${formatRangeSet([read])} gw ${formatAddress(read.gateway)}`
}

describe('readRange', () => {
  it.each([
    [{ subnet: '10.1.0.0/24' }, '10.1.0.1-10.1.0.254 gw 10.1.0.1'],
    [{ subnet: '10.1.0.0/30' }, '10.1.0.1-10.1.0.2 gw 10.1.0.1'],
    [{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.0' }, '10.1.0.0-10.1.0.254 gw 10.1.0.1'],
    [{ subnet: '10.1.0.0/24', rangeEnd: '10.1.0.255' }, '10.1.0.1-10.1.0.255 gw 10.1.0.1'],
    [{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.7', rangeEnd: '10.1.0.7' }, '10.1.0.7-10.1.0.7 gw 10.1.0.1'],
    [{ subnet: '10.1.0.0/24', gateway: '192.0.2.1' }, '10.1.0.1-10.1.0.254 gw 192.0.2.1'],
    [{ subnet: '10.1.0.0/24', gateway: '' }, '10.1.0.1-10.1.0.254 gw 10.1.0.1'],
    [{ subnet: 'fd00::/64' }, 'fd00::1-fd00::ffff:ffff:ffff:ffff gw fd00::1'],
    [{ subnet: 'fd00::/126' }, 'fd00::1-fd00::3 gw fd00::1'],
  ])('reads %j', (json, expected) => {
    expect(text(json)).toBe(expected)
  })

  it.each([
    [{}, 'is missing'],
    [{ subnet: '' }, 'is missing'],
    [{ rangeStart: '10.1.0.5' }, 'is missing'],
    [{ subnet: '10.1.0.0/31' }, 'Network 10.1.0.0/31 too small to allocate from'],
    [{ subnet: '10.1.0.1/32' }, 'Network 10.1.0.1/32 too small to allocate from'],
    [{ subnet: 'fd00::/127' }, 'Network fd00::/127 too small to allocate from'],
    [{ subnet: '10.1.2.3/24' }, 'Network has host bits set. For a subnet mask of length 24 the network address is 10.1.2.0'],
    [{ subnet: 'fd00::1/64' }, 'Network has host bits set. For a subnet mask of length 64 the network address is fd00::'],
    [{ subnet: '10.1.0.0/24', rangeStart: '10.1.1.1' }, 'RangeStart 10.1.1.1 not in network 10.1.0.0/24'],
    [{ subnet: '10.1.0.0/24', rangeEnd: '10.1.1.1' }, 'RangeEnd 10.1.1.1 not in network 10.1.0.0/24'],
    [{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9', rangeEnd: '10.1.0.8' }, 'RangeStart 10.1.0.9 not in network 10.1.0.0/24'],
    [{ subnet: '10.1.0.0/24', rangeEnd: '10.1.0.0' }, 'RangeEnd 10.1.0.0 not in network 10.1.0.0/24'],
    [{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.255' }, 'RangeStart 10.1.0.255 not in network 10.1.0.0/24'],
    [{ subnet: '255.255.255.0/24', rangeStart: '255.255.255.255' }, 'RangeStart 255.255.255.255 not in network 255.255.255.0/24'],
    [{ subnet: '::ffff:10.0.0.0/120' }, 'expected CIDR notation, with IPv4 in dotted form, got "::ffff:10.0.0.0/120"'],
    [{ subnet: '10.1.0.0/24', gateway: 'fe80::1' }, 'gateway: fe80::1 is an IPv6 address, 10.1.0.0/24 is IPv4'],
    [{ subnet: '10.1.0.0/24', rangeStart: 'fd00::1' }, 'RangeStart fd00::1 not in network 10.1.0.0/24'],
    [{ subnet: '10.1.0.0/24', rangeEnd: 'fd00::1' }, 'RangeEnd fd00::1 not in network 10.1.0.0/24'],
    [{ subnet: '10.1.0.0' }, '10.1.0.0'],
    [{ subnet: 'x' }, 'x'],
    [{ subnet: '10.1.0.0/24', gateway: 'x' }, 'gateway'],
  ])('rejects %j', (json, problem) => {
    expect(() => text(json)).toThrow(expect.objectContaining({ code: 7, message: expect.stringContaining(problem) }))
  })
})

describe('rangeSetProblems', () => {
  const a = range('10.0.0.0/24')
  const b = range('10.0.1.0/24')
  const six = range('fd00::/64')
  it.each([
    { sets: [[a], [b], [six]], expected: [] },
    { sets: [[a, b]], expected: [] },
    { sets: [[]], expected: ['invalid range set 0: empty range set'] },
    { sets: [[a], [b, six]], expected: ['invalid range set 1: mixed address families'] },
    {
      sets: [[a, range('10.0.0.0/25')]],
      expected: ['invalid range set 0: subnets 10.0.0.1-10.0.0.254 and 10.0.0.1-10.0.0.126 overlap'],
    },
    { sets: [[b], [a], [range('10.0.0.0/16', { start: '10.0.0.200', end: '10.0.0.210' })]], expected: ['range set 1 overlaps with 2'] },
    { sets: [[range('10.0.0.0/24', { end: '10.0.0.9' })], [range('10.0.0.0/24', { start: '10.0.0.10' })]], expected: [] },
    { sets: [[a], [a], [a]], expected: ['range set 0 overlaps with 1', 'range set 0 overlaps with 2', 'range set 1 overlaps with 2'] },
    { sets: [[undefined], [a]], expected: [] },
    { sets: [[undefined, a], [a]], expected: ['range set 0 overlaps with 1'] },
  ])('finds $expected', ({ sets, expected }) => {
    expect(rangeSetProblems(sets)).toEqual(expected)
  })
})

describe('capacity', () => {
  it.each([
    ['10.0.0.0/24', {}, 253],
    ['10.0.0.0/24', { gateway: '192.0.2.1' }, 254],
    ['10.0.0.0/24', { start: '10.0.0.20', end: '10.0.0.20' }, 1],
    ['10.0.0.0/16', {}, 65533],
    ['fd00::/120', {}, 254],
  ])('of %s with %j is %d', (subnet, given, expected) => {
    expect(capacity([range(subnet, given)])).toBe(expected)
  })
})

describe('rangeContains', () => {
  it.each([
    ['10.0.0.1', true],
    ['10.0.0.254', true],
    ['10.0.0.255', false],
    ['10.0.0.0', false],
    ['fd00::1', false],
  ])('%s in 10.0.0.1-10.0.0.254 is reserved as %s', (address, expected) => {
    expect(rangeContains(range('10.0.0.0/24'), parseAddress(address))).toBe(expected)
  })
})
