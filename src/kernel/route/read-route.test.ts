import { describe, expect, it } from 'vitest'
import { formatAddress } from '../../net/address.ts'
import { formatCidr } from '../../net/cidr.ts'
import { viewOf } from '../netlink/decode.ts'
import { decodeRoute } from './read-route.ts'

/** What the kernel 6.18 sent of `fd05::/64 metric 1024 nexthop via fd00:1::1 nexthop via fd00:1::3`, without RTA_PREF and RTA_CACHEINFO. */
const MULTIPATH = [
  '0a400000fe030001 00000000',
  '08000f00fe000000',
  '14000100fd050000000000000000000000000000',
  '0800060000040000',
  '3c000900 1c00000003000000 14000500fd000001000000000000000000000001 1c00040003000000 14000500fd000001000000000000000000000003',
]
  .join('')
  .replaceAll(' ', '')

const decode = (hex: string) =>
  decodeRoute({ type: 24, flags: 0, sequence: 1, port: 0, body: viewOf(Uint8Array.from(Buffer.from(hex, 'hex')).buffer) })

describe('decodeRoute()', () => {
  it('makes a route of each next hop', () => {
    const routes = decode(MULTIPATH)
    expect(
      routes.map(({ dst, gateway, oif, priority, table, onlink }) => [
        formatCidr(dst),
        gateway && formatAddress(gateway),
        oif,
        priority,
        table,
        onlink,
      ]),
    ).toEqual([
      ['fd05::/64', 'fd00:1::1', 3, 1024, 254, undefined],
      ['fd05::/64', 'fd00:1::3', 3, 1024, 254, true],
    ])
  })

  it.each([
    ['shorter than its header', '1c00000003000000', '0400000003000000'],
    ['longer than the list', '1c00000003000000', 'ff00000003000000'],
  ])('rejects a next hop that is %s', (_what, right, wrong) => {
    expect(() => decode(MULTIPATH.replace(right, wrong))).toThrow('next hop of')
  })
})
