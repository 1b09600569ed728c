import { describe, expect, it } from 'vitest'
import { concat } from '../../../kernel/netlink/encode.ts'
import { formatAddress, parseAddress } from '../../../net/address.ts'
import { formatCidr } from '../../../net/cidr.ts'
import { parseMac } from '../../../net/mac.ts'
import { BROADCAST, decodeFrame, type Endpoint, encodeFrame } from './frame.ts'
import { leaseOf } from './lease.ts'
import { type DhcpMessage, decodeDhcp, encodeDhcp, messageType, NO_ADDRESS, textOption } from './message.ts'

const ip = (text: string) => parseAddress(text).bytes
const client: Endpoint = { address: NO_ADDRESS, mac: parseMac('02:00:00:00:00:01') }
const server: Endpoint = { address: ip('10.5.0.1'), mac: parseMac('02:00:00:00:00:02') }
const message: DhcpMessage = {
  xid: 0x01020304,
  seconds: 7,
  broadcast: true,
  ciaddr: NO_ADDRESS,
  yiaddr: NO_ADDRESS,
  chaddr: client.mac,
  options: new Map([
    [53, Uint8Array.of(1)],
    [61, Uint8Array.of(0, 97)],
  ]),
}

/** A server's message as bytes: a client's with another first byte, and its address. */
function reply(options: readonly (readonly [number, Uint8Array])[], yiaddr = '10.5.0.50'): Uint8Array {
  const bytes = encodeDhcp({ ...message, options: new Map(options) })
  bytes[0] = 2
  bytes.set(ip(yiaddr), 16)
  return bytes
}
const required = (bytes: Uint8Array): DhcpMessage => {
  const decoded = decodeDhcp(bytes)
  if (!decoded) throw new Error('no DHCP message')
  return decoded
}

describe('a DHCP message', () => {
  it('has its fields where RFC 2131 has them, and 300 bytes at least', () => {
    const bytes = encodeDhcp(message)
    const hex = (from: number, to: number) => Buffer.from(bytes.slice(from, to)).toString('hex')
    expect(hex(0, 12)).toBe('010106000102030400078000')
    expect(hex(12, 28)).toBe('00'.repeat(16))
    expect(hex(28, 44)).toBe(`020000000001${'00'.repeat(10)}`)
    expect(hex(236, 240)).toBe('63825363')
    expect(hex(240, 248)).toBe('3501013d020061ff')
    expect(bytes.length).toBe(300)
  })

  it('is decoded as it was encoded', () => {
    const options: [number, Uint8Array][] = [
      [53, Uint8Array.of(5)],
      [12, new TextEncoder().encode('web\0')],
    ]
    const decoded = required(reply(options))
    expect(decoded).toMatchObject({ xid: 0x01020304, broadcast: true, chaddr: client.mac, yiaddr: ip('10.5.0.50') })
    expect([messageType(decoded), textOption(decoded.options, 12), textOption(decoded.options, 15)]).toEqual([5, 'web', ''])
  })

  it('has one long option of several short ones (RFC 3396)', () => {
    const bytes = reply([])
    bytes.set([0, 43, 2, 1, 2, 0, 43, 1, 3, 255], 240)
    expect(required(bytes).options.get(43)).toEqual(Uint8Array.of(1, 2, 3))
  })

  it.each([
    ['nothing', (bytes: Uint8Array) => bytes.slice(0, 0)],
    ['a cut header', (bytes: Uint8Array) => bytes.slice(0, 239)],
    ['a request', (bytes: Uint8Array) => bytes.fill(1, 0, 1)],
    ['another kind of wire', (bytes: Uint8Array) => bytes.fill(6, 1, 2)],
    ['an address of another length', (bytes: Uint8Array) => bytes.fill(16, 2, 3)],
    ['no cookie', (bytes: Uint8Array) => bytes.fill(0, 236, 240)],
    ['an option without a length', (bytes: Uint8Array) => bytes.slice(0, 241)],
    ['a cut option', (bytes: Uint8Array) => bytes.slice(0, 242)],
  ])('%s is not one', (_, spoil) => {
    expect(decodeDhcp(spoil(reply([[53, Uint8Array.of(5)]])))).toBeUndefined()
  })
})

describe('a frame', () => {
  /** As a server would send it: the ports the other way round. */
  const answer = () => {
    const frame = encodeFrame(server, client, Uint8Array.of(1, 2, 3))
    frame.set([0, 67, 0, 68], 34)
    return frame
  }

  it('is a UDP datagram with checksums', () => {
    const frame = encodeFrame(client, BROADCAST, Uint8Array.of(1, 2, 3))
    expect(Buffer.from(frame).toString('hex')).toBe(
      // Both checksums computed by another program.
      'ffffffffffff02000000000108004500001f0000000040117acf00000000ffffffff00440043000bfb4f010203',
    )
  })

  it('is read with its sender', () => {
    expect(decodeFrame(answer())).toEqual({ from: server, payload: Uint8Array.of(1, 2, 3) })
  })

  it('may be padded behind its end', () => {
    expect(decodeFrame(concat([answer(), new Uint8Array(20)]))?.payload).toEqual(Uint8Array.of(1, 2, 3))
  })

  it.each([
    ['cut', (frame: Uint8Array) => frame.slice(0, 41)],
    ['no IPv4', (frame: Uint8Array) => frame.fill(0x86, 12, 13)],
    ['another version', (frame: Uint8Array) => frame.fill(0x65, 14, 15)],
    ['a header that is too short', (frame: Uint8Array) => frame.fill(0x44, 14, 15)],
    ['a header that is longer than the frame', (frame: Uint8Array) => frame.fill(0x4f, 14, 15)],
    ['a fragment', (frame: Uint8Array) => frame.fill(0x20, 20, 21)],
    ['no UDP', (frame: Uint8Array) => frame.fill(6, 23, 24)],
    ['a wrong checksum', (frame: Uint8Array) => frame.fill(9, 26, 27)],
    ['from another port', (frame: Uint8Array) => frame.fill(99, 35, 36)],
    ['to another port', (frame: Uint8Array) => frame.fill(67, 37, 38)],
    ['a length beyond its end', (frame: Uint8Array) => frame.fill(200, 39, 40)],
    ['a length of nothing', (frame: Uint8Array) => frame.fill(0, 38, 40)],
  ])('%s is not an answer', (_, spoil) => {
    expect(decodeFrame(spoil(answer()))).toBeUndefined()
  })
})

describe('a lease', () => {
  const mask = [1, ip('255.255.255.0')] as const
  const be32 = (value: number) => Uint8Array.of(value >> 24, value >> 16, value >> 8, value)
  const lease = (...options: (readonly [number, Uint8Array])[]) => leaseOf(required(reply(options)), server, 1000)
  const routes = (...options: (readonly [number, Uint8Array])[]) =>
    lease(mask, ...options).result.routes.map(({ dst, gw, scope }) =>
      `${formatCidr(dst)} ${gw ? formatAddress(gw) : ''} ${scope ?? ''}`.trim(),
    )

  it('has address, gateway and default route', () => {
    const { result, address, server: from } = lease(mask, [3, ip('10.5.0.1')], [54, ip('10.5.0.3')])
    expect(result.ips.map(({ address, gateway }) => [formatCidr(address), gateway && formatAddress(gateway)])).toEqual([
      ['10.5.0.50/24', '10.5.0.1'],
    ])
    expect([address, from]).toEqual([ip('10.5.0.50'), { address: ip('10.5.0.3'), mac: server.mac }])
    expect(routes([3, ip('10.5.0.1')])).toEqual(['0.0.0.0/0 10.5.0.1'])
    expect(routes()).toEqual([])
  })

  it.each([
    ['no times: an hour', [], [2800, 4060, 4600]],
    ['half and 85 % of its time', [[51, be32(100)]], [1050, 1085, 1100]],
    [
      "the server's times",
      [
        [51, be32(100)],
        [58, be32(10)],
        [59, be32(20)],
      ],
      [1010, 1020, 1100],
    ],
    [
      'times beyond its end',
      [
        [51, be32(100)],
        [58, be32(500)],
        [59, be32(600)],
      ],
      [1100, 1100, 1100],
    ],
    ['for ever', [[51, Uint8Array.of(255, 255, 255, 255)]], [1000 + 0xffffffff / 2, 1000 + 0xffffffff * 0.85, 1000 + 0xffffffff]],
  ] as const)('is due: %s', (_, options, expected) => {
    const { renewAt, rebindAt, expiresAt } = lease(mask, ...options)
    expect([renewAt, rebindAt, expiresAt]).toEqual(expected)
  })

  it.each([
    [
      'static routes have the class of their address',
      [[33, concat(['10.1.0.0', '10.5.0.7', '172.16.0.0', '10.5.0.8', '192.168.1.0', '10.5.0.9'].map(ip))]],
      ['10.1.0.0/8 10.5.0.7', '172.16.0.0/16 10.5.0.8', '192.168.1.0/24 10.5.0.9'],
    ],
    ['half a route is none', [[33, concat(['10.1.0.0', '10.5.0.7', '172.16.0.0'].map(ip))]], ['10.1.0.0/8 10.5.0.7']],
    [
      'classless routes go before all others',
      [
        [3, ip('10.5.0.1')],
        [121, Uint8Array.of(16, 10, 77, 10, 5, 0, 7, 0, 10, 5, 0, 9, 25, 10, 78, 0, 128, 0, 0, 0, 0)],
      ],
      ['10.77.0.0/16 10.5.0.7', '0.0.0.0/0 10.5.0.9', '10.78.0.128/25  253'],
    ],
    ['a cut classless route ends them', [[121, Uint8Array.of(16, 10, 77, 10, 5, 0, 7, 24, 10, 78)]], ['10.77.0.0/16 10.5.0.7']],
    ['a length that is none ends them', [[121, Uint8Array.of(33, 1, 2, 3, 4, 5, 6, 7, 8)]], []],
  ] as const)('%s', (_, options, expected) => {
    expect(routes(...options)).toEqual(expected)
  })

  it('has the name servers that the server sent', () => {
    expect(lease(mask, [6, concat([ip('1.1.1.1'), ip('8.8.8.8')])], [15, new TextEncoder().encode('example.org')]).result.dns).toEqual({
      nameservers: ['1.1.1.1', '8.8.8.8'],
      domain: 'example.org',
    })
  })

  it.each([
    ['no mask', []],
    ['a mask with holes', [[1, ip('255.0.255.0')]]],
    ['a short mask', [[1, Uint8Array.of(255, 255)]]],
  ] as const)('is not one with %s', (_, options) => {
    expect(() => lease(...options)).toThrow('DHCP option Subnet Mask not found in DHCPACK')
  })
})
