import { describe, expect, it } from 'vitest'
import { describeNeighbourBody, forwardingBody, neighbourBody, neighbourKey } from '../route/neighbour-body.ts'
import { canonicalRoute, describeRouteBody, readRoute, routeBody, routeKey } from '../route/route-body.ts'
import { hex16, hex32, hexAttribute, readHex32, readHexAttributes } from './hex.ts'

it('hex32() and readHex32() are each other’s inverse', () => {
  for (const value of [0, 1, 255, 256, 0x12345678, 0xffffffff]) expect(readHex32(`00${hex32(value)}`, 2)).toBe(value)
  expect([hex16(0x1234), hex32(0x12345678)]).toEqual(['3412', '78563412'])
})

describe('readHexAttributes()', () => {
  it('reads what hexAttribute() writes, padding or not', () => {
    const body = `ffff${hexAttribute(1, '0a0102')}${hexAttribute(0x8003, '')}${hexAttribute(2, '0a010203')}`
    expect(readHexAttributes(body, 4)).toEqual(
      new Map([
        [1, '0a0102'],
        [3, ''],
        [2, '0a010203'],
      ]),
    )
  })

  it.each(['03000100', '09000100aabbccdd', 'ffff0100', '0000000000000000'])('makes nothing of %s', (body) => {
    expect(readHexAttributes(body, 0)).toBeUndefined()
  })

  it.each(['', '0800', '080001'])('finds nothing in %j', (body) => {
    expect(readHexAttributes(body, 0)?.size).toBe(0)
  })
})

// Captured from dumps of a kernel 6.18 after `ip route add`, `ip neigh add` and `bridge fdb add`.
const DIRECT4 = '02180000fe9d00010000000008000f00fe000000080001000a01020008000500c0a805020800040003000000'
const TUNNEL4 = '02180000fe9d00010400000008000f00fe000000080001000a010300080007000a010100080005000a0103000800040004000000'
const DIRECT6 =
  '0a400000fe9d00010000000008000f00fe00000014000100fd000002000000000000000000000000080006000004000014000500fd0500000000000000000000000000020800040003000000'
const NEIGHBOUR = '020000000400000080000001080001000a0103000a0002000e00c0a806030000'
const FORWARDING = '070000000400000080000201' + '0a0002000e00c0a80603000008000100c0a80603'

describe('a body', () => {
  it('of a route is as the kernel dumps it', () => {
    const direct = { protocol: 0x9d, oif: 3, onlink: false, src: undefined }
    expect(routeBody({ family: 4, ...direct })({ first: '0a010200', length: 24 }, 'c0a80502')).toBe(DIRECT4)
    expect(
      routeBody({ family: 4, protocol: 0x9d, oif: 4, onlink: true, src: '0a010100' })({ first: '0a010300', length: 24 }, '0a010300'),
    ).toBe(TUNNEL4)
    const six = routeBody({ family: 6, ...direct })
    expect(six({ first: `fd000002${'0'.repeat(24)}`, length: 64 }, `fd05${'0'.repeat(27)}2`)).toBe(DIRECT6)
  })

  it('of a neighbour or a forwarding entry is as the kernel dumps it', () => {
    expect(neighbourBody(4, 4)('0a010300', '0e00c0a80603')).toBe(NEIGHBOUR)
    expect(forwardingBody(4, 4)('0e00c0a80603', 'c0a80603')).toBe(FORWARDING)
    expect(neighbourBody(6, 4)(`fe80${'0'.repeat(28)}`, '0e00c0a80603')).toHaveLength(88)
  })

  it('reads as text', () => {
    expect([DIRECT4, TUNNEL4, DIRECT6].map(describeRouteBody)).toEqual([
      '10.1.2.0/24 via 192.168.5.2 dev #3',
      '10.1.3.0/24 via 10.1.3.0 dev #4',
      'fd00:2::/64 via fd05::2 dev #3',
    ])
    expect([NEIGHBOUR, FORWARDING].map(describeNeighbourBody)).toEqual([
      '10.1.3.0 lladdr 0e:00:c0:a8:06:03',
      '0e:00:c0:a8:06:03 dst 192.168.6.3',
    ])
    expect([routeKey(DIRECT4), neighbourKey(NEIGHBOUR), neighbourKey(FORWARDING)]).toEqual(['0a010200/24', '0a010300', '0e00c0a80603'])
    expect(readRoute('02000000fe9d000100000000')).toEqual({ dst: { first: '00000000', length: 0 }, gateway: undefined, oif: 0 })
  })

  it('of a route in another order, with more in it or without a carrier, is brought into the one form', () => {
    const more = `02180000fe9d00011000000008000400030000000800ff0001000000${'08000500c0a80502'}080001000a01020008000f00fe000000`
    expect(canonicalRoute(more)).toBe(DIRECT4)
    expect(canonicalRoute(TUNNEL4)).toBe(TUNNEL4)
    expect(canonicalRoute('02180000fe9d000100000000ffff')).toBe('02180000fe9d000100000000')
  })
})
