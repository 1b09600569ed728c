import { describe, expect, it } from 'vitest'
import { decodeMessages } from '../../test/harness/netlink.ts'
import { formatAddress } from '../net/address.ts'
import { decodeFlow, deleteRequest, listRequest, type Tuple } from './conntrack.ts'
import { viewOf } from './netlink/decode.ts'
import { type Attribute, be16, be32, concat, encodeMessage, u8 } from './netlink/encode.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytesOf = (text: string) => Uint8Array.from(text.split('.').map(Number))

const tuple = (src: string, dst: string, sport: number, dport: number, protocol = 17): Attribute[] => [
  [
    1,
    [
      [1, bytesOf(src)],
      [2, bytesOf(dst)],
    ],
  ],
  [
    2,
    [
      [1, u8(protocol)],
      [2, be16(sport)],
      [3, be16(dport)],
    ],
  ],
]
// A client 192.0.2.2 that sends to the node 192.0.2.1, whose port leads to the pod 10.1.0.2.
const original = tuple('192.0.2.2', '192.0.2.1', 40000, 53)
const reply = tuple('10.1.0.2', '192.0.2.2', 5353, 40000)
const message = (attributes: Attribute[]) => {
  const body = concat([u8(2), u8(0), be16(0)])
  return Uint8Array.from(encodeMessage({ type: 0x100, flags: 2, body, attributes }, 1))
}
const flowOf = (bytes: Uint8Array) => {
  const [received] = decodeMessages(Uint8Array.from(bytes).buffer)
  return received && decodeFlow(received)
}
const shown = ({ src, dst, protocol, sport, dport }: Tuple) => [formatAddress(src), formatAddress(dst), protocol, sport, dport]

describe('decodeFlow()', () => {
  it('reads both directions', () => {
    const flow = flowOf(
      message([
        [1, original],
        [2, reply],
        [3, be32(0x18a)],
        [12, be32(77)],
      ]),
    )
    expect(flow && shown(flow.original)).toEqual(['192.0.2.2', '192.0.2.1', 17, 40000, 53])
    expect(flow && shown(flow.reply)).toEqual(['10.1.0.2', '192.0.2.2', 17, 5353, 40000])
  })

  it.each<[string, Attribute[]]>([
    ['there are no tuples', []],
    ['there is no reply', [[1, original]]],
    [
      'there are no addresses',
      [
        [1, original.slice(1)],
        [2, reply],
      ],
    ],
    [
      'there are no ports',
      [
        [1, [...original.slice(0, 1), [2, [[1, u8(1)]]]]],
        [2, reply],
      ],
    ],
    [
      'an address has five bytes',
      [
        [
          1,
          [
            [
              1,
              [
                [1, new Uint8Array(5)],
                [2, bytesOf('192.0.2.1')],
              ],
            ],
            ...original.slice(1),
          ],
        ],
        [2, reply],
      ],
    ],
  ])('knows none when %s', (_, attributes) => {
    expect(flowOf(message(attributes))).toBeUndefined()
  })

  it('is an error or none when the message is cut', () => {
    const whole = message([
      [1, original],
      [2, reply],
    ]).slice(16)
    for (let length = 4; length < whole.length; length++) {
      const cut = { body: viewOf(Uint8Array.from(whole.slice(0, length)).buffer) }
      try {
        expect(decodeFlow(cut)).toBeUndefined()
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }
  })
})

describe('deleteRequest()', () => {
  it('gives back the tuple, the number and the zone as they came, and nothing else', () => {
    const flow = flowOf(
      message([
        [1, original],
        [2, reply],
        [3, be32(0x18a)],
        [12, be32(77)],
        [18, be16(5)],
      ]),
    )
    const request = flow && deleteRequest(flow)
    expect(request?.op).toBe('delete connection 192.0.2.2 40000 to 192.0.2.1 53')
    expect(request?.type).toBe(0x102)
    expect(request?.attributes.map(([type]) => type)).toEqual([1, 12, 18])
    const again = request && flowOf(Uint8Array.from(encodeMessage({ ...request, attributes: [...request.attributes, [2, reply]] }, 1)))
    expect(again?.original).toEqual(flow?.original)
  })
})

describe('listRequest()', () => {
  it('requests UDP to the port', () => {
    expect(hex(encodeMessage(listRequest(4, 53), 1))).toBe(
      [
        '38000000 01010000 01000000 00000000', // nlmsghdr
        '02000000', // nfgenmsg
        '18000180 14000280', // CTA_TUPLE_ORIG, CTA_TUPLE_PROTO
        '05000100 11000000 06000300 00350000', // CTA_PROTO_NUM, CTA_PROTO_DST_PORT
        '0c001980 08000100 28000000', // CTA_FILTER, CTA_FILTER_ORIG_FLAGS
      ]
        .join('')
        .replaceAll(' ', ''),
    )
  })
})
