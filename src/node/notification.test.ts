import { expect, it } from 'vitest'
import { messagesOf } from './notification.ts'
import { judgeFilter } from './watch-filter.ts'
import { judgeRoute } from './watch-route.ts'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex')).buffer

it('messagesOf() gives each message of a datagram', () => {
  const [first, second] = messagesOf(bytes('14000000190000000000000005000000aabbccdd' + '100000001800000100000000ffffffff'))
  expect(first).toMatchObject({ type: 25, flags: 0, port: 5, start: 16, length: 4 })
  expect(second).toMatchObject({ type: 24, flags: 0x100, port: 0xffffffff, length: 0 })
})

it.each(['', '10000000', '0f000000190000000000000005000000', '18000000190000000000000005000000', 'ffffffff190000000000000005000000'])(
  'messagesOf() makes nothing of %j',
  (hex) => {
    expect(messagesOf(bytes(hex))).toEqual([])
  },
)

it('a message without an object is not reported', () => {
  for (const type of [16, 17, 24, 25, 28, 29, 80, 0x0a02, 0x0a07, 0x0a0e]) {
    const message = { type, flags: 0x100, port: 1, datagram: new ArrayBuffer(64), start: 16, length: 48 }
    expect(judgeRoute(message, undefined)).toBeUndefined()
    expect(judgeFilter(message, undefined)).toBeUndefined()
  }
})
