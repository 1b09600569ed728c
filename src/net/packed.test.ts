import { describe, expect, it } from 'vitest'
import {
  formatPacked,
  networkOfPacked,
  packAddress,
  packBytes,
  packedContains,
  packedFamily,
  packedLast,
  packedNext,
  packPrefix,
  unpackBytes,
} from './packed.ts'

describe('packAddress()', () => {
  it.each([
    ['10.1.0.255', '0a0100ff'],
    ['0.0.0.0', '00000000'],
    ['fd00::A', 'fd00000000000000000000000000000a'],
    ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001'],
  ])('makes of %s %s', (text, packed) => {
    expect(packAddress(text)).toBe(packed)
    expect(packBytes(unpackBytes(packed))).toBe(packed)
  })

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.',
    ' 1.2.3.4',
    '1e1.0.0.1',
    ':',
    'g::',
    '1.2.3.4::',
    'fe80::1%eth0',
    'node.example.org.x',
  ])('makes nothing of %j', (text) => {
    expect(packAddress(text)).toBeUndefined()
  })
})

describe('packPrefix()', () => {
  it.each([
    ['10.1.2.0/24', '0a010200', 24, '0a0102ff'],
    ['10.1.2.128/25', '0a010280', 25, '0a0102ff'],
    ['10.0.0.0/9', '0a000000', 9, '0a7fffff'],
    ['10.1.2.3/32', '0a010203', 32, '0a010203'],
    ['0.0.0.0/0', '00000000', 0, 'ffffffff'],
    ['fd00::/62', `fd${'0'.repeat(30)}`, 62, `fd0000000000000${'3'}${'f'.repeat(16)}`],
  ])('makes of %s what begins with %s /%i and ends with %s', (text, first, length, last) => {
    const prefix = packPrefix(text)
    expect(prefix).toEqual({ first, length })
    expect(prefix && packedLast(prefix)).toBe(last)
  })

  it.each([
    '10.1.2.0',
    '10.1.2.0/',
    '10.1.2.0/33',
    '10.1.2.1/24',
    '10.1.2.64/25',
    'fd00::1/64',
    'fd00::/129',
    '10.1.2.0/024',
    '/24',
    '10.1.2/24',
  ])('makes nothing of %j', (text) => {
    expect(packPrefix(text)).toBeUndefined()
  })
})

it('packedContains() keeps to the prefix and to its family', () => {
  const prefix = { first: '0a010200', length: 24 }
  expect(['0a010200', '0a0102ff', '0a010300', '0a0101ff', `0a0102${'0'.repeat(26)}`].map((one) => packedContains(prefix, one))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
  expect(packedFamily(prefix.first)).toBe(4)
})

it('packedNext() carries over, and has nothing behind the last', () => {
  expect(['0a0100ff', '0affffff', 'ffffffff', `fd${'f'.repeat(30)}`].map(packedNext)).toEqual([
    '0a010100',
    '0b000000',
    undefined,
    `fe${'0'.repeat(30)}`,
  ])
})

it('formatPacked() writes addresses as formatAddress does', () => {
  expect(['0a0100ff', `fd${'0'.repeat(29)}a`].map(formatPacked)).toEqual(['10.1.0.255', 'fd00::a'])
})

it('networkOfPacked() clears the host bits', () => {
  const network = (first: string, length: number) => networkOfPacked({ first, length }).first
  expect([network('0a0102ff', 24), network('0a0102ff', 25), network('0a0102ff', 32), network('0a0102ff', 0)]).toEqual([
    '0a010200',
    '0a010280',
    '0a0102ff',
    '00000000',
  ])
})
