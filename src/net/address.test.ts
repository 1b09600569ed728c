import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareAddresses, formatAddress, nextAddress, parseAddress, sameAddress } from './address.ts'

const canonical = [
  '0.0.0.0',
  '10.15.20.2',
  '255.255.255.255',
  '::',
  '::1',
  'fd00::5',
  '2001:db8::1:0:0:1',
  '2001:db8:0:1:1:1:1:1',
  'fe80::1:2:3:4',
]

describe('parseAddress() and formatAddress()', () => {
  it.each(canonical)('keep %s as it is', (text) => {
    expect(formatAddress(parseAddress(text))).toBe(text)
  })

  it.each([
    ['FD00::A', 'fd00::a'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ])('bring %s into the form of RFC 5952', (text, expected) => {
    expect(formatAddress(parseAddress(text))).toBe(expected)
  })

  it.each([
    '',
    ' ',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1e1.0.0.1',
    '1.2.3.',
    '+1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.-4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    '::1.2.3',
    '1.2.3.4::',
    'fe80::1%eth0',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
  ])('reject %j', (text) => {
    expect(() => parseAddress(text)).toThrow(SyntaxError)
  })

  it('are each other’s inverse for every IPv6 address', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(parseAddress(formatAddress({ family: 6, bytes })).bytes).toEqual(bytes)
      }),
    )
  })
})

describe('nextAddress()', () => {
  it.each([
    ['10.0.0.255', 1, '10.0.1.0'],
    ['10.0.1.0', -1, '10.0.0.255'],
    ['255.255.255.255', 1, '0.0.0.0'],
    ['fd00::ffff', 1, 'fd00::1:0'],
    ['::', -1, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ] as const)('of %s by %d is %s', (from, step, to) => {
    expect(formatAddress(nextAddress(parseAddress(from), step))).toBe(to)
  })
})

describe('compareAddresses()', () => {
  it('sorts IPv4 before IPv6 and by value within a family', () => {
    const sorted = ['9.255.255.255', '10.0.0.1', '10.0.0.2', '::', 'fd00::1'].map(parseAddress)
    expect([...sorted].reverse().sort(compareAddresses).map(formatAddress)).toEqual(sorted.map(formatAddress))
  })

  it('is 0 only for the same address', () => {
    expect(sameAddress(parseAddress('::1'), parseAddress('0::1'))).toBe(true)
    expect(sameAddress(parseAddress('10.0.0.1'), parseAddress('10.0.0.2'))).toBe(false)
  })
})
