import { afterEach, describe, expect, it, vi } from 'vitest'
import { ack, fakeKernel } from '../../../test/harness/netlink.ts'
import { dumpBodies, sendBodies } from './bulk.ts'
import type { Received } from './decode.ts'
import { concat, cstr, encodeMessage, u32 } from './encode.ts'

let sent: Received[][] = []

const kernel = (...datagrams: Uint8Array[]) => {
  sent = fakeKernel(...datagrams)
}

const object = (sequence: number, value: number, flags = 2) =>
  encodeMessage({ type: 24, flags, body: u32(value), attributes: [] }, sequence)
const done = (sequence: number, errno = 0) => encodeMessage({ type: 3, flags: 2, body: u32(-errno), attributes: [] }, sequence)

afterEach(() => vi.restoreAllMocks())

describe('sendBodies()', () => {
  it('numbers the requests, requests an ack of the last and gives each failure its place', () => {
    kernel(ack(11, 17, [[1, cstr('File exists')]]), ack(12))
    const requests = ['0a0b0c0d', '01020304'].map((body) => ({ type: 24, flags: 0x600, body }))
    expect(sendBodies({ fd: 3, sequence: 11 }, requests)).toEqual([{ index: 0, errno: 17, detail: 'File exists', offset: 0 }])
    expect(sent.map((datagram) => datagram.map(({ type, flags, sequence, body }) => [type, flags, sequence, body.hex()]))).toEqual([
      [
        [24, 0x601, 11, '0a0b0c0d'],
        [24, 0x605, 12, '01020304'],
      ],
    ])
  })

  it('counts on in the second datagram', () => {
    kernel(ack(500), ack(501, 3))
    const requests = Array.from({ length: 501 }, () => ({ type: 25, flags: 0, body: '00000000' }))
    expect(sendBodies({ fd: 3, sequence: 1 }, requests)).toMatchObject([{ index: 500, errno: 3 }])
    expect(sent.map((datagram) => datagram.length)).toEqual([500, 1])
  })
})

describe('dumpBodies()', () => {
  it('gives the first bytes of each body, without what belongs to another request', () => {
    kernel(concat([object(4, 9), object(5, 0x0201), object(5, 0x0403)]), done(5))
    expect(dumpBodies({ fd: 3, sequence: 5 }, 'list', 26, '', 2)).toEqual(['0102', '0304'])
  })

  it.each([
    ['an object', [concat([object(5, 1, 0x12), done(5)])]],
    ['its end', [concat([object(5, 1), done(5, 4)])]],
  ])('requests the dump again when %s has the flag of an interruption', (_, first) => {
    kernel(...first, object(6, 2), done(6))
    expect(dumpBodies({ fd: 3, sequence: 5 }, 'list', 26, '')).toEqual(['02000000'])
  })

  it('throws the kernel’s own words', () => {
    kernel(ack(5, 22, [[1, cstr('Invalid table')]]))
    expect(() => dumpBodies({ fd: 3, sequence: 5 }, 'list', 26, '')).toThrow(/^list: .*\(Invalid table\)$/)
  })

  it('gives up after eight dumps', () => {
    kernel(...Array.from({ length: 8 }, (_, i) => done(5 + i, 4)))
    expect(() => dumpBodies({ fd: 3, sequence: 5 }, 'list', 26, '')).toThrow(/kept changing during 8 dumps/)
  })
})
