// Bytes: what `tc` sends for the same, and what the kernel's answers look like when they are whole, unknown or cut.

import { describe, expect, it } from 'vitest'
import { goldenDump } from '../../../test/harness/golden.ts'
import { decodeMessages } from '../../../test/harness/netlink.ts'
import { type Attribute, cstr, encodeMessage, u32 } from '../netlink/encode.ts'
import { decodeRedirects, redirectIngress } from './filter.ts'
import { addIfb } from './ifb.ts'
import { tcmsg } from './message.ts'
import { bufferTicks, decodeQdisc, ensureClsact, isTbf, replaceTbf } from './qdisc.ts'

const words = (text: string) =>
  text
    .trim()
    .split('\n')
    .flatMap((line) => line.trim().split('  '))
const dumped = (request: Parameters<typeof encodeMessage>[0]) => goldenDump(encodeMessage(request, 0))
const bodyOf = (request: Parameters<typeof encodeMessage>[0]) => {
  const [message] = decodeMessages(Uint8Array.from(encodeMessage(request, 0)).buffer)
  if (!message) throw new Error('no message')
  return message.body
}

// As `tc` of iproute2 6.1 sends them, except that nested attributes are flagged (80), that there is no ACK, and that tc adds to tbf what the kernel
// has not read since 3.9 where the link layer is named (a table of rates and what belongs to it) and rounds the ticks of the burst.
describe('requests', () => {
  it('tc qdisc replace dev #3 root handle 1: tbf rate 10mbit burst 64kb limit 128kb', () => {
    expect(dumped(replaceTbf(3, { rate: 1.25e6, burst: 65536, limit: 131072 }))).toEqual(
      words(`
        60 00 00 00  24 00 00 05  00 00 00 00  00 00 00 00
        00 00 00 00  03 00 00 00  00 00 01 00  ff ff ff ff
        00 00 00 00  08 00 01 00  74 62 66 00  34 00 02 80
        28 00 01 00  00 01 00 00  00 00 00 00  d0 12 13 00
        00 00 00 00  00 00 00 00  00 00 00 00  00 00 02 00
        00 80 0c 00  00 00 00 00  08 00 06 00  00 00 01 00`),
    )
  })

  it('tc qdisc replace dev #3 root handle 1: tbf rate 40gbit burst 64mb limit 128mb, whose rate 32 bits cannot hold', () => {
    expect(dumped(replaceTbf(3, { rate: 5e9, burst: 64 << 20, limit: 128 << 20 })).slice(11)).toEqual(
      words(`
        40 00 02 80
        28 00 01 00  00 01 00 00  00 00 00 00  ff ff ff ff
        00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 08
        33 33 03 00  00 00 00 00  08 00 06 00  00 00 00 04
        0c 00 04 00  00 f2 05 2a  01 00 00 00`),
    )
  })

  it('tc qdisc add dev #3 clsact', () => {
    expect(dumped(ensureClsact(3))).toEqual(
      words(`
        30 00 00 00  24 00 00 04  00 00 00 00  00 00 00 00
        00 00 00 00  03 00 00 00  00 00 ff ff  f1 ff ff ff
        00 00 00 00  0b 00 01 00  63 6c 73 61  63 74 00 00`),
    )
  })

  it('tc filter add dev #3 ingress prio 49153 u32 match u32 0 0 action mirred egress redirect dev #4', () => {
    expect(dumped(redirectIngress(3, 4, 49153))).toEqual(
      words(`
        8c 00 00 00  2c 00 00 06  00 00 00 00  00 00 00 00
        00 00 00 00  03 00 00 00  00 00 00 00  f2 ff ff ff
        00 03 01 c0  08 00 01 00  75 33 32 00  60 00 02 80
        38 00 07 80  34 00 01 80  0b 00 01 00  6d 69 72 72
        65 64 00 00  24 00 02 80  20 00 02 00  00 00 00 00
        00 00 00 00  04 00 00 00  00 00 00 00  00 00 00 00
        01 00 00 00  04 00 00 00  24 00 05 00  01 00 01 00
        00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00
        00 00 00 00  00 00 00 00  00 00 00 00`),
    )
  })

  it('ip link add bwp1 mtu 1450 up type ifb', () => {
    expect(dumped(addIfb({ name: 'bwp1', mtu: 1450 })).slice(4)).toEqual(
      words(`
        00 00 00 00  00 00 00 00  01 00 00 00  01 00 00 00
        09 00 03 00  62 77 70 31  00 00 00 00
        08 00 04 00  aa 05 00 00
        0c 00 12 80  08 00 01 00  69 66 62 00`),
    )
  })
})

describe('bufferTicks()', () => {
  // The first is the Go plugin's own test: 8 kbit/s with a burst of 80 bits.
  it.each([
    [1000, 10, 156_250],
    [1.25e6, 65536, 819_200],
    [125, 0xffffffff, 0xffffffff],
  ])('at %d B/s is the time that %d bytes take, in 64 ns', (rate, burst, ticks) => {
    expect(bufferTicks({ rate, burst })).toBe(ticks)
  })
})

describe('decodeQdisc()', () => {
  it.each([1000, 1.25e6, 0xffffffff, 5e9, 1.25e14])('gives back the bucket that replaceTbf() made when it leaks %d B/s', (rate) => {
    const tbf = { rate, burst: 1e6, limit: 2e6 }
    const decoded = decodeQdisc(bodyOf(replaceTbf(3, tbf)))
    expect(decoded).toEqual({ kind: 'tbf', tbf: { rate, limit: 2e6, buffer: bufferTicks(tbf) } })
  })

  it('is the kind alone when the qdisc is another, or has no options', () => {
    expect(decodeQdisc(bodyOf(ensureClsact(3)))).toEqual({ kind: 'clsact', tbf: undefined })
    for (const options of [[], [[2, []]], [[2, [[4, new Uint8Array(8)]]]]] satisfies Attribute[][]) {
      const request = { type: 36, flags: 0, body: tcmsg({ ifindex: 3 }), attributes: [[1, cstr('tbf')] as const, ...options] }
      expect(decodeQdisc(bodyOf(request))).toEqual({ kind: 'tbf', tbf: undefined })
    }
  })

  it.each([
    ['its parameters are short', [[1, new Uint8Array(31)]]],
    [
      'its rate has 32 bits of 64',
      [
        [1, new Uint8Array(36)],
        [4, u32(1)],
      ],
    ],
    ['an attribute claims more than there is', Uint8Array.of(200, 0, 1, 0)],
    ['an attribute is shorter than its header', Uint8Array.of(3, 0, 1, 0)],
  ] satisfies [string, Attribute[1]][])('throws a RangeError when %s', (_, options) => {
    const request = { type: 36, flags: 0, body: tcmsg({ ifindex: 3 }), attributes: [[1, cstr('tbf')] as const, [2, options] as const] }
    expect(() => decodeQdisc(bodyOf(request))).toThrow(RangeError)
  })
})

describe('isTbf()', () => {
  const wanted = { rate: 1.25e6, burst: 62_500, limit: 93_750 }
  const found = { rate: 1.25e6, limit: 93_750, buffer: 781_250 }
  it('forgives the kernel’s rounding, and nothing else', () => {
    expect(isTbf({ ...found, buffer: 781_237 }, wanted)).toBe(true)
    for (const change of [{ rate: 1.25e6 + 1 }, { limit: 93_751 }, { buffer: 790_000 }, { buffer: 0 }]) {
      expect(isTbf({ ...found, ...change }, wanted)).toBe(false)
    }
  })
})

describe('decodeRedirects()', () => {
  const filter = (kind: string, options: Attribute[1]) =>
    bodyOf({
      type: 44,
      flags: 0,
      body: tcmsg({ ifindex: 3 }),
      attributes: [
        [1, cstr(kind)],
        [2, options],
      ],
    })
  const action = (kind: string, ...parameters: Attribute[]): Attribute => [
    1,
    [
      [1, cstr(kind)],
      [2, parameters],
    ],
  ]
  const redirect = (to: number, eaction = 1) => {
    const bytes = new Uint8Array(28)
    bytes[20] = eaction
    bytes[24] = to
    return action('mirred', [2, bytes])
  }

  it('lists the devices that matching packets are redirected to', () => {
    expect(decodeRedirects(bodyOf(redirectIngress(3, 77, 1)))).toEqual([77])
    expect(decodeRedirects(filter('u32', [[7, [redirect(5), action('gact'), redirect(6)]]]))).toEqual([5, 6])
  })

  it.each([
    ['another kind', 'bpf', [[7, [redirect(5)]]]],
    ['no action', 'u32', [[5, new Uint8Array(32)]]],
    ['a mirror', 'u32', [[7, [redirect(5, 2)]]]],
    ['an action without parameters', 'u32', [[7, [action('mirred')]]]],
  ] satisfies [string, string, Attribute[1]][])('is empty for a filter of %s', (_, kind, options) => {
    expect(decodeRedirects(filter(kind, options))).toEqual([])
  })

  it('throws a RangeError when the parameters are short', () => {
    expect(() => decodeRedirects(filter('u32', [[7, [action('mirred', [2, new Uint8Array(20)])]]]))).toThrow(RangeError)
  })
})
