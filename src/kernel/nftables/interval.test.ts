import { expect, it } from 'vitest'
import { packPrefix } from '../../net/packed.ts'
import { intervalMarks, markElement } from './interval.ts'

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
])('intervalMarks() of %j are %j', (prefixes, marks) => {
  expect(intervalMarks(prefixes.map((prefix) => packPrefix(prefix) ?? { first: '', length: 0 }))).toEqual(marks)
})

it('markElement() gives the key, and whether a range ends before it', () => {
  expect([markElement('0a010200'), markElement('0a010300-')]).toEqual([
    { key: Uint8Array.of(10, 1, 2, 0) },
    { key: Uint8Array.of(10, 1, 3, 0), end: true },
  ])
})
