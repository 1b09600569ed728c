// Bridges and the VLANs of their ports, byte for byte: not every kernel has VLAN filtering to try them on.

import { describe, expect, it } from 'vitest'
import { decodeMessages } from '../../../test/harness/netlink.ts'
import { parseMac } from '../../net/mac.ts'
import { concat, cstr, encodeMessage, u16, u32 } from '../netlink/encode.ts'
import { addBridge, addPortVlan, decodePortVlans, deletePortVlan, setBridgePort } from './bridge.ts'
import type { Request } from './request.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
/** Type, and all that is behind the netlink header. */
const sent = (request: Request) => {
  const bytes = encodeMessage(request, 1)
  return `${hex(bytes.slice(4, 6))} ${hex(bytes.slice(16))}`
}

/** struct ifinfomsg {family 7 (AF_BRIDGE), index 3} */
const port3 = '07000000030000000000000000000000'

describe('VLANs of a port are sent as bridge(8) sends them', () => {
  // Captured from iproute2 6.1: the type, and the message behind its header.
  it.each([
    [
      'bridge vlan add dev #3 vid 100 pvid untagged',
      addPortVlan(3, { first: 100, last: 100, native: true }),
      `1300 ${port3}0c001a000800020006006400`,
    ],
    ['bridge vlan add dev #3 vid 7', addPortVlan(3, { first: 7, last: 7, native: false }), `1300 ${port3}0c001a000800020000000700`],
    [
      'bridge vlan add dev #3 vid 10-12',
      addPortVlan(3, { first: 10, last: 12, native: false }),
      `1300 ${port3}14001a000800020008000a000800020010000c00`,
    ],
    ['bridge vlan del dev #3 vid 1', deletePortVlan(3, { first: 1, last: 1, native: false }), `1100 ${port3}0c001a000800020000000100`],
    [
      'bridge vlan del dev #3 vid 1-5',
      deletePortVlan(3, { first: 1, last: 5, native: false }),
      `1100 ${port3}14001a0008000200080001000800020010000500`,
    ],
  ])('%s', (_, request, bytes) => {
    // We set NLA_F_NESTED on what is nested, iproute2 does not; the kernel takes both.
    expect(sent(request).replace('1a80', '1a00')).toBe(bytes)
  })
})

describe('bridges and ports', () => {
  const attributes = (request: Request) => hex(encodeMessage({ ...request, body: new Uint8Array(0) }, 1).slice(16))

  it('a bridge that filters VLANs is made with IFLA_BR_VLAN_FILTERING, any other without', () => {
    const bridge = { name: 'br0', mtu: 1400, mac: parseMac('0a:58:0a:01:00:01') }
    expect(attributes(addBridge({ ...bridge, vlanFiltering: true }))).toBe(
      [
        '08000300 62723000',
        '1c001280 0b000100 6272696467650000 0c000280 0500070001000000',
        '0a000100 0a580a010001 0000',
        '08000400 78050000',
      ]
        .join('')
        .replaceAll(' ', ''),
    )
    expect(attributes(addBridge({ ...bridge, vlanFiltering: false }))).not.toContain('05000700')
  })

  it.each([
    [true, false, '0500040001000000 0500210000000000'],
    [false, true, '0500040000000000 0500210001000000'],
  ])('a port has hairpin %s and isolation %s reported in any case', (hairpin, isolated, flags) => {
    expect(attributes(setBridgePort({ index: 3 }, { hairpin, isolated, alias: 'x' }))).toContain(flags.replace(' ', ''))
  })
})

describe('decodePortVlans()', () => {
  const vlan = (flags: number, id: number): [number, Uint8Array] => [2, concat([u16(flags), u16(id)])]
  const answer = (index: number, vlans: [number, Uint8Array][]) =>
    encodeMessage(
      {
        type: 16,
        flags: 2,
        body: concat([Uint8Array.of(7, 0, 0, 0), u32(index), new Uint8Array(8)]),
        attributes: [
          [3, cstr(`veth${index}`)],
          [10, u32(2)],
          [26, [[1, u16(0)], ...vlans]],
        ],
      },
      1,
    )
  const received = decodeMessages(
    Uint8Array.from(concat([answer(2, [vlan(6, 1)]), answer(3, [vlan(6, 100), vlan(0, 7), vlan(4, 8)]), answer(4, [])])).buffer,
  )

  it.each([
    [
      'of the requested port',
      3,
      [
        [100, true],
        [7, false],
        [8, false],
      ],
    ],
    ['of another', 2, [[1, true]]],
    ['none of a port without', 4, []],
    ['none of a port that is not there', 5, []],
  ])('lists the VLANs %s, in the kernel’s order', (_, index, expected) => {
    expect(decodePortVlans(received, index)).toEqual(expected.map(([id, native]) => ({ first: id, last: id, native })))
  })
})
