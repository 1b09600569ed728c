import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress } from './address.ts'
import { cidrContains, formatCidr, isDefaultRoute, lastAddress, networkOf, parseCidr, setApart } from './cidr.ts'

describe('parseCidr()', () => {
  it.each(['10.1.0.5/24', '0.0.0.0/0', '10.0.0.1/32', 'fd00::5/64', '::/0', '::1/128'])('keeps %s with its host bits', (text) => {
    expect(formatCidr(parseCidr(text))).toBe(text)
  })

  it.each([
    '10.1.0.5',
    '10.1.0.5/',
    '10.1.0.5/33',
    '::/129',
    '10.1.0.5/-1',
    '10.1.0.5/024',
    '10.1.0.5/2 ',
    '/24',
    '10.1.0/24',
    '::ffff:10.0.0.0/120',
  ])('rejects %j', (text) => {
    expect(() => parseCidr(text)).toThrow(SyntaxError)
  })
})

describe('networkOf() and lastAddress()', () => {
  it.each([
    ['10.1.2.3/24', '10.1.2.0/24', '10.1.2.255'],
    ['10.1.2.3/22', '10.1.0.0/22', '10.1.3.255'],
    ['10.1.2.3/32', '10.1.2.3/32', '10.1.2.3'],
    ['10.1.2.3/0', '0.0.0.0/0', '255.255.255.255'],
    ['fd00::1234/120', 'fd00::1200/120', 'fd00::12ff'],
  ])('of %s are %s and %s', (text, network, last) => {
    expect(formatCidr(networkOf(parseCidr(text)))).toBe(network)
    expect(formatAddress(lastAddress(parseCidr(text)))).toBe(last)
  })
})

describe('setApart()', () => {
  it.each([
    ['10.9.9.0/24', 'network address'],
    ['10.9.9.255/24', 'broadcast address'],
    ['10.9.9.1/24', undefined],
    ['10.9.9.254/24', undefined],
    ['10.9.9.255/23', 'broadcast address'],
    ['10.9.8.255/23', undefined],
    ['10.9.9.0/23', undefined],
    ['10.9.8.4/30', 'network address'],
    ['10.9.8.7/30', 'broadcast address'],
    ['10.9.8.6/31', undefined],
    ['10.9.8.7/31', undefined],
    ['10.9.8.7/32', undefined],
    ['0.0.0.0/0', 'network address'],
    ['255.255.255.255/0', 'broadcast address'],
    ['fd00::/64', 'Subnet-Router anycast address'],
    ['fd00::100/120', 'Subnet-Router anycast address'],
    ['fd00::1/64', undefined],
    ['fd00::ffff:ffff:ffff:ffff/64', undefined],
    ['fd00::4/126', 'Subnet-Router anycast address'],
    ['fd00::4/127', undefined],
    ['fd00::4/128', undefined],
  ])('of %s is %s', (text, expected) => {
    expect(setApart(parseCidr(text))).toBe(expected)
  })
})

describe('cidrContains()', () => {
  it.each([
    ['10.1.2.3/24', '10.1.2.255', true],
    ['10.1.2.3/24', '10.1.3.0', false],
    ['0.0.0.0/0', '255.1.1.1', true],
    ['::/0', '10.0.0.1', false],
    ['fd00::/8', 'fdff::1', true],
  ])('of %s and %s is %s', (cidr, address, expected) => {
    expect(cidrContains(parseCidr(cidr), parseAddress(address))).toBe(expected)
  })
})

it('isDefaultRoute() is true for the zero prefix of either family only', () => {
  expect(['0.0.0.0/0', '::/0', '10.0.0.0/0', '0.0.0.0/1'].map((text) => isDefaultRoute(parseCidr(text)))).toEqual([
    true,
    true,
    false,
    false,
  ])
})
