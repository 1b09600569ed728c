import fc from 'fast-check'
import { expect, it } from 'vitest'
import { formatAddress } from '../../net/address.ts'
import { cidrContains, formatCidr, networkOf } from '../../net/cidr.ts'
import { type PackedPrefix, packPrefix } from '../../net/packed.ts'
import { boundElement, intervalBounds } from './interval.ts'

const pack = (prefix: string): PackedPrefix => packPrefix(prefix) ?? { first: '', length: 0 }

it.each<[string[], string[]]>([
  [[], []],
  [['10.1.2.0/24'], ['0a010200', '0a010300-']],
  [
    ['10.1.3.0/24', '10.1.2.0/24'],
    ['0a010200', '0a010400-'],
  ],
  [
    ['10.1.0.0/16', '10.1.2.0/24', '10.1.255.255/32'],
    ['0a010000', '0a020000-'],
  ],
  [
    ['10.3.0.0/24', '10.1.0.0/24'],
    ['0a010000', '0a010100-', '0a030000', '0a030100-'],
  ],
  [
    ['10.1.0.0/24', '255.255.255.0/24', '255.0.0.0/8'],
    ['0a010000', '0a010100-', 'ff000000'],
  ],
  [['0.0.0.0/0', '10.0.0.0/8'], ['00000000']],
  [
    ['fd00:2::/64', 'fd00:1::/64'],
    [
      `fd000001${'0'.repeat(24)}`,
      `fd000001${'0'.repeat(7)}1${'0'.repeat(16)}-`,
      `fd000002${'0'.repeat(24)}`,
      `fd000002${'0'.repeat(7)}1${'0'.repeat(16)}-`,
    ],
  ],
])('intervalBounds() of %j are %j', (prefixes, bounds) => {
  expect(intervalBounds(prefixes.map(pack))).toEqual(bounds)
})

it('boundElement() gives the key, and whether a range ends before it', () => {
  expect([boundElement('0a010200'), boundElement('0a010300-')]).toEqual([
    { key: Uint8Array.of(10, 1, 2, 0) },
    { key: Uint8Array.of(10, 1, 3, 0), end: true },
  ])
})

it.each<[string[], string[]]>([
  [['10.0.0.0/8'], ['10.0.0.0', '11.0.0.0 end']],
  [['10.1.2.3/32'], ['10.1.2.3', '10.1.2.4 end']],
  [['255.255.255.255/32'], ['255.255.255.255']],
  [['::/0', 'fd00::/8'], ['::']],
  [
    ['10.0.0.0/24', '10.0.2.0/24'],
    ['10.0.0.0', '10.0.1.0 end', '10.0.2.0', '10.0.3.0 end'],
  ],
  [
    ['10.0.0.0/24', '10.0.0.0/24'],
    ['10.0.0.0', '10.0.1.0 end'],
  ],
  [['128.0.0.0/1', '0.0.0.0/1'], ['0.0.0.0']],
  [
    ['fd00::/64', 'fd00:0:0:1::/64'],
    ['fd00::', 'fd00:0:0:2:: end'],
  ],
])('the elements of %j are %j', (prefixes, expected) => {
  const elements = intervalBounds(prefixes.map(pack)).map(boundElement)
  const shown = elements.map(({ key, end }) => formatAddress({ family: key.length === 4 ? 4 : 6, bytes: key }) + (end ? ' end' : ''))
  expect(shown).toEqual(expected)
})

it('the elements hold the same addresses as the prefixes', () => {
  const prefix = fc.tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 32 }))
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 8 }), fc.uint8Array({ minLength: 4, maxLength: 4 }), (prefixes, bytes) => {
      const cidrs = prefixes.map(([address, length]) => networkOf({ address: { family: 4, bytes: address } as const, length }))
      // The last element at or before the address shows whether it lies in a range.
      const elements = intervalBounds(cidrs.map((cidr) => pack(formatCidr(cidr)))).map(boundElement)
      const before = elements.filter(({ key }) => Buffer.compare(key, bytes) <= 0)
      const inside = before.length > 0 && !before.at(-1)?.end
      expect(inside).toBe(cidrs.some((cidr) => cidrContains(cidr, { family: 4, bytes })))
    }),
  )
})
