import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress } from '../../net/address.ts'
import { cidrContains, parseCidr } from '../../net/cidr.ts'
import { decodeMessages, viewOf } from '../netlink/decode.ts'
import { be16, encodeMessage } from '../netlink/encode.ts'
import { addElements, decodeElements, type Element, joinedKey, prefixElements } from './element.ts'
import type { TableRef } from './request.ts'

const ref: TableRef = { family: 'inet', table: 't' }

describe('prefixElements()', () => {
  it.each([
    [[], []],
    [['10.0.0.0/8'], ['10.0.0.0', '11.0.0.0 end']],
    [['10.1.2.3/8'], ['10.0.0.0', '11.0.0.0 end']],
    [['10.1.2.3/32'], ['10.1.2.3', '10.1.2.4 end']],
    [['0.0.0.0/0'], ['0.0.0.0']],
    [['255.255.255.255/32'], ['255.255.255.255']],
    [['::/0', 'fd00::/8'], ['::']],
    [
      ['10.0.1.0/24', '10.0.0.0/24'],
      ['10.0.0.0', '10.0.2.0 end'],
    ],
    [
      ['10.0.0.0/24', '10.0.2.0/24'],
      ['10.0.0.0', '10.0.1.0 end', '10.0.2.0', '10.0.3.0 end'],
    ],
    [
      ['10.0.0.0/8', '10.1.0.0/16', '10.255.255.255/32'],
      ['10.0.0.0', '11.0.0.0 end'],
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
  ])('of %j is %j', (prefixes, expected) => {
    const elements = prefixElements(prefixes.map(parseCidr))
    const shown = elements.map(({ key, end }) => formatAddress({ family: key.length === 4 ? 4 : 6, bytes: key }) + (end ? ' end' : ''))
    expect(shown).toEqual(expected)
  })

  it('holds the same addresses as the prefixes', () => {
    const prefix = fc.tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 32 }))
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 8 }), fc.uint8Array({ minLength: 4, maxLength: 4 }), (prefixes, bytes) => {
        const cidrs = prefixes.map(([address, length]) => ({ address: { family: 4, bytes: address } as const, length }))
        // The last element at or before the address tells whether it lies in a range.
        const before = prefixElements(cidrs).filter(({ key }) => Buffer.compare(key, bytes) <= 0)
        const inside = before.length > 0 && !before.at(-1)?.end
        expect(inside).toBe(cidrs.some((cidr) => cidrContains(cidr, { family: 4, bytes })))
      }),
    )
  })
})

describe('elements', () => {
  const elements: Element[] = [
    { key: parseAddress('10.0.0.1').bytes, keyEnd: undefined, end: false, data: undefined, comment: 'first' },
    { key: parseAddress('10.0.0.2').bytes, keyEnd: undefined, end: true, data: undefined, comment: '' },
    {
      key: joinedKey([Uint8Array.of(6), be16(80)]),
      keyEnd: joinedKey([Uint8Array.of(6), be16(90)]),
      end: false,
      data: be16(1),
      comment: '',
    },
  ]

  it('are read back as they were written', () => {
    const [request] = addElements(ref, 's', elements)
    const [received] = decodeMessages(request ? Uint8Array.from(encodeMessage(request, 1)).buffer : new ArrayBuffer(0))
    expect(received && decodeElements(received.body)).toEqual(elements)
  })

  it('go into as many messages as it takes, each below 64 KiB', () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({
      key: new Uint8Array(64),
      keyEnd: new Uint8Array(64),
      data: new Uint8Array(64),
      comment: `${i}`.padEnd(128),
    }))
    const requests = addElements(ref, 's', many)
    expect(requests.length).toBeGreaterThan(1)
    expect(requests.map((request) => encodeMessage(request, 1).length).every((length) => length < 65536)).toBe(true)
    expect(addElements(ref, 's', [])).toEqual([])
  })

  it('are an error when the message is cut anywhere inside an attribute', () => {
    const [request] = addElements(ref, 's', elements)
    const bytes = request ? encodeMessage(request, 1).slice(16) : new Uint8Array(0)
    for (let length = 0; length < bytes.length; length++) {
      const cut = viewOf(Uint8Array.from(bytes.slice(0, length)).buffer)
      try {
        expect(decodeElements(cut)).toEqual([])
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }
  })

  it('are an error or harmless when any byte of the message is another', () => {
    const [request] = addElements(ref, 's', elements)
    const bytes = request ? encodeMessage(request, 1).slice(16) : new Uint8Array(0)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = Uint8Array.from(bytes)
        changed[at] = value
        try {
          // A shorter length makes two of one: never more than there are attributes.
          expect(decodeElements(viewOf(changed.buffer)).length).toBeLessThanOrEqual(bytes.length / 4)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
    )
  })

  it('pads every joined value to four bytes', () => {
    expect([...joinedKey([Uint8Array.of(6), be16(80), parseAddress('10.0.0.1').bytes])]).toEqual([6, 0, 0, 0, 0, 80, 0, 0, 10, 0, 0, 1])
  })
})
