import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress } from '../net/address.ts'
import { formatCidr } from '../net/cidr.ts'
import { formatMac } from '../net/mac.ts'
import { CniError } from './error.ts'
import type { JsonObject } from './json.ts'
import { Reader } from './reader.ts'

const issuesOf = (json: JsonObject, read: (reader: Reader) => unknown) => {
  const reader = new Reader(json)
  const value = read(reader)
  return { value, issues: reader.issues }
}

/** Every method, with a key that it can read. */
const reads: [string, (reader: Reader) => unknown][] = [
  ['string', (reader) => reader.string('k')],
  ['boolean', (reader) => reader.boolean('k')],
  ['integer', (reader) => reader.integer('k', 0, 10)],
  ['address', (reader) => reader.address('k')],
  ['cidr', (reader) => reader.cidr('k')],
  ['mac', (reader) => reader.mac('k')],
  ['strings', (reader) => reader.strings('k')],
  ['object', (reader) => reader.object('k', (inner) => inner.string('k'))],
  ['objects', (reader) => reader.objects('k', (inner) => inner.string('k'))],
  ['lists', (reader) => reader.lists('k', (inner) => inner.string('k'))],
]

describe('Reader', () => {
  it('reads every kind of value', () => {
    const { value, issues } = issuesOf(
      {
        text: 'a',
        no: false,
        n: 1500,
        ip: 'FD00:0::5',
        net: '10.1.0.5/24',
        mac: '0A-58-0a-00-00-01',
        list: ['a', 'b'],
        one: { k: 'x' },
        many: [{ k: 'x' }, { k: 'y' }],
        sets: [[{ k: 'x' }], [], [{ k: 'y' }, { k: 'z' }]],
      },
      (reader) => {
        const ip = reader.address('ip')
        const net = reader.cidr('net')
        const mac = reader.mac('mac')
        const k = (inner: Reader) => inner.string('k')
        return [
          reader.string('text'),
          reader.boolean('no'),
          reader.integer('n', 68, 65535),
          ip && formatAddress(ip),
          net && formatCidr(net),
          mac && formatMac(mac),
          reader.strings('list'),
          reader.object('one', k),
          reader.objects('many', k),
          reader.lists('sets', k),
        ]
      },
    )
    expect(value).toEqual([
      'a',
      false,
      1500,
      'fd00::5',
      '10.1.0.5/24',
      '0a:58:0a:00:00:01',
      ['a', 'b'],
      'x',
      ['x', 'y'],
      [['x'], [], ['y', 'z']],
    ])
    expect(issues).toEqual([])
  })

  it.each(reads)('%s takes an absent key and null for unset', (_name, read) => {
    expect(issuesOf({}, read)).toEqual({ value: undefined, issues: [] })
    expect(issuesOf({ k: null }, read)).toEqual({ value: undefined, issues: [] })
  })

  it.each(['address', 'cidr', 'mac'])("%s takes '' for unset", (name) => {
    const read = reads.find(([known]) => known === name)?.[1] ?? (() => 'none')
    expect(issuesOf({ k: '' }, read)).toEqual({ value: undefined, issues: [] })
  })

  it.each<[string, JsonObject[string], string]>([
    ['string', 5, 'k: expected a string, got 5'],
    ['boolean', 'true', 'k: expected true or false, got "true"'],
    ['integer', '5', 'k: expected a whole number, got "5"'],
    ['integer', 1.5, 'k: expected a whole number, got 1.5'],
    ['integer', 11, 'k: expected a number from 0 to 10, got 11'],
    ['integer', -1, 'k: expected a number from 0 to 10, got -1'],
    ['integer', 1e300, 'k: expected a whole number, got 1e+300'],
    ['address', '10.1.0.0/24', 'k: expected an IP address, got "10.1.0.0/24"'],
    ['cidr', '10.1.0.0', 'k: expected CIDR notation, got "10.1.0.0"'],
    ['cidr', 7, 'k: expected a string, got 7'],
    ['mac', '0a:58', 'k: expected an Ethernet address, got "0a:58"'],
    ['strings', 'a', 'k: expected a list, got "a"'],
    ['strings', ['a', 5], 'k[1]: expected a string, got 5'],
    ['object', [1], 'k: expected an object, got [1]'],
    ['objects', { k: 'a' }, 'k: expected a list, got {"k":"a"}'],
    ['objects', [{}, 'a'], 'k[1]: expected an object, got "a"'],
    ['objects', [{ k: 5 }], 'k[0].k: expected a string, got 5'],
    ['lists', [{}], 'k[0]: expected a list, got {}'],
    ['lists', [[], ['x']], 'k[1][0]: expected an object, got "x"'],
    ['lists', [[], [{}, { k: [] }]], 'k[1][1].k: expected a string, got []'],
  ])('%s notes where %j is wrong', (name, json, issue) => {
    const read = reads.find(([known]) => known === name)?.[1] ?? (() => 'none')
    expect(issuesOf({ k: json }, read).issues).toEqual([issue])
  })

  it('finds a key in any case; the later spelling wins', () => {
    expect(issuesOf({ HostPort: 80 }, (reader) => reader.integer('hostPort', 1, 65535)).value).toBe(80)
    expect(issuesOf({ hostPort: 80, HOSTPORT: 81 }, (reader) => reader.integer('hostPort', 1, 65535)).value).toBe(81)
    expect(
      issuesOf({ RuntimeConfig: { portmappings: 'x' } }, (r) => r.object('runtimeConfig', (c) => c.string('portMappings'))).value,
    ).toBe('x')
  })

  it.each([
    [{}, false],
    [{ k: null }, false],
    [{ k: '' }, false],
    [{ k: false }, true],
    [{ k: 0 }, true],
    [{ k: [] }, true],
    [{ K: 'x' }, true],
  ])('of %j has() is whether there is a value', (json, expected) => {
    expect(new Reader(json).has('k')).toBe(expected)
  })

  it('notes a problem of its owner under the path, once', () => {
    const { issues } = issuesOf({ ipam: { ranges: [[{}, {}]] } }, (reader) => {
      reader.object('ipam', (ipam) =>
        ipam.lists('ranges', (range) => {
          range.issue('subnet', 'is missing')
          range.issue('', 'is no range')
        }),
      )
      reader.issue('bridge', 'twice')
      reader.issue('bridge', 'twice')
    })
    expect(issues).toEqual([
      'ipam.ranges[0][0].subnet: is missing',
      'ipam.ranges[0][0]: is no range',
      'ipam.ranges[0][1].subnet: is missing',
      'ipam.ranges[0][1]: is no range',
      'bridge: twice',
    ])
  })

  it('reports one problem in the message', () => {
    const reader = new Reader({ mtu: 'x' })
    reader.integer('mtu', 0, 9)
    expect(() => reader.report()).toThrow(
      expect.objectContaining({ code: 7, message: 'invalid network configuration: mtu: expected a whole number, got "x"', details: '' }),
    )
  })

  it('reports several problems together, one a line of the details', () => {
    const reader = new Reader({ mtu: 'x', ipam: { gateway: 5 } })
    reader.integer('mtu', 0, 9)
    reader.object('ipam', (ipam) => ipam.address('gateway'))
    expect(() => reader.report('the result', 6)).toThrow(
      expect.objectContaining({
        code: 6,
        message: 'the result: 2 problems',
        details: 'mtu: expected a whole number, got "x"\nipam.gateway: expected a string, got 5',
      }),
    )
  })

  it('reports nothing where nothing is wrong', () => {
    expect(new Reader({ any: 1 }).report()).toBeUndefined()
  })

  it('never throws before report, whatever the JSON', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('10.1.0.0/24', 'fd00::', '::/0', '0a:58:0a:00:00:01', ''))
    const json = fc.dictionary(fc.constantFrom('k', 'K', '__proto__', 'constructor'), fc.oneof(value, fc.array(fc.array(value))))
    fc.assert(
      fc.property(json, (object) => {
        const reader = new Reader(JSON.parse(JSON.stringify(object)) as JsonObject)
        for (const [, read] of reads) read(reader)
        try {
          reader.report()
        } catch (error) {
          expect(error).toBeInstanceOf(CniError)
        }
      }),
    )
  })
})
