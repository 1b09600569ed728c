import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { goldenDump } from '../../../test/harness/golden.ts'
import { decodeMessages } from '../../../test/harness/netlink.ts'
import { viewOf } from './decode.ts'
import { type Attribute, be16, be32, be64, concat, cstr, encodeMessage, u8, u16, u32 } from './encode.ts'

const message = (attributes: readonly Attribute[]) => encodeMessage({ type: 16, flags: 0x605, body: new Uint8Array(16), attributes }, 7)
const decodeOne = (bytes: Uint8Array) => decodeMessages(Uint8Array.from(bytes).buffer)[0]?.body.attributes(16)

describe('encodeMessage()', () => {
  it('pads attributes to four bytes and counts only what is in them', () => {
    const bytes = message([
      [3, cstr('br0')],
      [4, u16(1500)],
      [18, [[1, cstr('bridge')]]],
    ])
    expect(goldenDump(bytes)).toEqual([
      '40 00 00 00',
      '10 00 05 06',
      '07 00 00 00',
      '00 00 00 00',
      '00 00 00 00',
      '00 00 00 00',
      '00 00 00 00',
      '00 00 00 00',
      '08 00 03 00',
      '62 72 30 00',
      '06 00 04 00',
      'dc 05 00 00',
      '10 00 12 80',
      '0b 00 01 00',
      '62 72 69 64',
      '67 65 00 00',
    ])
  })

  it('writes numbers in the byte order of their name', () => {
    expect([u8(1), u16(0x102), be16(0x102), u32(0x1020304), be32(0x1020304), be64(2 ** 40 + 5)].map((bytes) => [...bytes])).toEqual([
      [1],
      [2, 1],
      [1, 2],
      [4, 3, 2, 1],
      [1, 2, 3, 4],
      [0, 0, 1, 0, 0, 0, 0, 5],
    ])
  })

  it('rejects an attribute that its length field cannot hold', () => {
    expect(() => message([[1, new Uint8Array(65532)]])).toThrow(RangeError)
  })
})

describe('decodeMessages()', () => {
  it('reads what encodeMessage() wrote', () => {
    const attribute = fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 300 }))
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 20 }), (attributes) => {
        const [received] = decodeMessages(Uint8Array.from(message(attributes)).buffer)
        expect(received).toMatchObject({ type: 16, flags: 0x605, sequence: 7 })
        expect(received?.body.list(16).map(([type, value]) => [type, [...value.bytes()]])).toEqual(
          attributes.map(([type, value]) => [type, [...value]]),
        )
      }),
    )
  })

  it('splits a datagram of several messages', () => {
    const datagram = concat([message([]), message([[3, cstr('lo')]])])
    expect(decodeMessages(Uint8Array.from(datagram).buffer).map(({ body }) => body.length)).toEqual([16, 24])
  })

  it('ends in a RangeError or in messages, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          for (const { body } of decodeMessages(Uint8Array.from(bytes).buffer)) for (const [, value] of body.list()) value.attributes()
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
    )
  })

  it('throws when a message is cut anywhere inside its last attribute', () => {
    const whole = message([[1, u32(5)]])
    for (let length = 17; length < whole.length; length++) {
      expect(() => decodeOne(whole.slice(0, length)), `cut to ${length}`).toThrow(RangeError)
    }
  })

  it.each([
    ['a message shorter than its header', 0, [15, 0, 0, 0]],
    ['an attribute shorter than its header', 32, [3, 0, 1, 0]],
    ['an attribute longer than its message', 32, [200, 0, 1, 0]],
  ])('rejects %s', (_, at, patch) => {
    const bytes = message([[1, u32(5)]])
    bytes.set(patch, at)
    expect(() => decodeOne(bytes)).toThrow(RangeError)
  })

  it('keeps the last of repeated attributes in a map and all of them in a list', () => {
    const [received] = decodeMessages(
      Uint8Array.from(
        message([
          [1, u8(1)],
          [1, u8(2)],
        ]),
      ).buffer,
    )
    expect(received?.body.attributes(16).get(1)?.u8()).toBe(2)
    expect(received?.body.list(16)).toHaveLength(2)
  })
})

describe('View', () => {
  it('reads every width and order', () => {
    const view = viewOf(Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff).buffer)
    expect([view.u8(), view.u16(), view.u32(), view.be32(), view.be64(), view.i32(8)]).toEqual([
      1,
      0x201,
      0x4030201,
      0x1020304,
      0x1020304 * 2 ** 32 + 5,
      -1,
    ])
  })

  it('ends text at the first NUL, or at its own end', () => {
    expect(viewOf(Uint8Array.of(101, 116, 104, 0, 57).buffer).text()).toBe('eth')
    expect(viewOf(Uint8Array.of(101, 116).buffer).text()).toBe('et')
  })

  it('throws when reading beyond its end, also where the buffer is longer', () => {
    const window = viewOf(new ArrayBuffer(16), 4, 4)
    expect(() => window.u32(1)).toThrow(RangeError)
    expect(() => window.bytes(0, 5)).toThrow(RangeError)
    expect(() => window.sub(5)).toThrow(RangeError)
  })
})
