// Links on a parent link, byte for byte: not every kernel has each kind.

import { expect, it } from 'vitest'
import { parseMac } from '../../net/mac.ts'
import { encodeMessage } from '../netlink/encode.ts'
import { addIpvlan, addMacvlan, addVlan } from './child-link.ts'
import type { Request } from './request.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
/** Length, type and flags, and all that is behind the netlink header, as `strace -e write=3 ip …` shows them. */
const sent = (request: Request) => {
  const bytes = encodeMessage(request, 1, 5)
  return `${hex(bytes.slice(0, 8))} ${hex(bytes.slice(16))}`
}
const ifinfomsg = '00'.repeat(16)

// Captured from iproute2 6.1, but for NLA_F_NESTED (0x8000), which it leaves out; no kernel with the kind is needed.
it.each([
  [
    'ip link add mv0 link #3 mtu 1400 address 02:00:00:00:00:01 type macvlan mode bridge',
    addMacvlan({ name: 'mv0', parent: 3, mtu: 1400, mac: parseMac('02:00:00:00:00:01') }, 'bridge'),
    `6000000010000506 ${ifinfomsg}08000400780500000a0001000200000000010000080005000300000008000300`,
    '6d7630001c0012800b0001006d6163766c616e000c0002800800010004000000',
  ],
  [
    'ip link add mv1 link #3 type macvlan mode private bcqueuelen 2000',
    addMacvlan({ name: 'mv1', parent: 3 }, 'private', 2000),
    `5400000010000506 ${ifinfomsg}0800050003000000080003006d763100`,
    '240012800b0001006d6163766c616e001400028008000700d00700000800010001000000',
  ],
  [
    'ip link add iv0 link #3 mtu 1400 type ipvlan mode l3s bridge',
    addIpvlan({ name: 'iv0', parent: 3, mtu: 1400 }, 'l3s'),
    `5c00000010000506 ${ifinfomsg}08000400780500000800050003000000080003006976300024001280`,
    '0a0001006970766c616e00001400028006000100020000000600020000000000',
  ],
  [
    'ip link add iv1 link #3 type ipvlan mode l2 bridge',
    addIpvlan({ name: 'iv1', parent: 3 }, 'l2'),
    `5400000010000506 ${ifinfomsg}0800050003000000080003006976310024001280`,
    '0a0001006970766c616e00001400028006000100000000000600020000000000',
  ],
  [
    'ip link add vl0 link #3 type vlan id 100',
    addVlan({ name: 'vl0', parent: 3 }, 100),
    `4800000010000506 ${ifinfomsg}080005000300000008000300766c3000`,
    '1800128008000100766c616e0c0002800600010064000000',
  ],
])('%s', (_, request, start, rest) => {
  expect(sent(request)).toBe(start + rest)
})

it('the namespace that the link is born in comes last', () => {
  expect(sent(addVlan({ name: 'vl0', parent: 3, netns: 9 }, 100)).endsWith('08001c0009000000')).toBe(true)
})
