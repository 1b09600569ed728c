import { describe, expect, it } from 'vitest'
import type { IpConfig, Route } from '../../cni/types.ts'
import { formatAddress, parseAddress } from '../../net/address.ts'
import { parseCidr } from '../../net/cidr.ts'
import { firstGateway, requireGateways, requireOnLink, requireOwnGateways } from './lease-problems.ts'

/** `10.1.0.5/24 via 10.1.0.1`; of a route `0.0.0.0/0 via … scope 253`. */
const ip = (text: string): IpConfig => {
  const [address = '', , gateway] = text.split(' ')
  return { address: parseCidr(address), gateway: gateway ? parseAddress(gateway) : undefined }
}
const route = (text: string): Route => {
  const [dst = '', ...words] = text.split(' ')
  const after = (word: string) => (words.includes(word) ? words[words.indexOf(word) + 1] : undefined)
  const gw = after('via')
  return { dst: parseCidr(dst), gw: gw ? parseAddress(gw) : undefined, scope: after('scope') ? Number(after('scope')) : undefined }
}
const refusal = (call: () => void) => {
  try {
    call()
    return ''
  } catch (error) {
    expect(error).toMatchObject({ code: 7 })
    return String(error)
  }
}

describe('requireGateways', () => {
  it.each([
    [['10.1.0.5/24 via 10.1.0.1', 'fd00::5/64 via fe80::1'], ['0.0.0.0/0', '::/0 via fe80::2'], ''],
    [['10.1.0.5/24 via 192.0.2.1'], [], ''],
    [['10.1.0.5/31 via 10.1.0.4'], [], ''],
    [['10.1.0.5/24', 'fd00::5/64 via 10.1.0.1'], [], 'ips[1].gateway: 10.1.0.1 is an IPv4 address, fd00::/64 is IPv6'],
    [['10.1.0.5/24 via 127.0.0.1'], [], 'ips[0].gateway: 127.0.0.1 is not an address that a gateway can have'],
    [['10.1.0.5/24 via 255.255.255.255'], [], 'ips[0].gateway: 255.255.255.255 is not an address'],
    [['10.1.0.5/24 via 10.1.0.255'], [], 'ips[0].gateway: 10.1.0.255 is the broadcast address of 10.1.0.0/24'],
    [['10.1.0.5/24'], ['0.0.0.0/0 via fe80::1'], 'routes[0].gw: fe80::1 is an IPv6 address, 0.0.0.0/0 is IPv4'],
    [['10.1.0.5/24'], ['10.5.0.0/16 via 10.1.0.1 scope 253'], 'routes[0].scope: 253 is for what is on the link'],
    [['10.1.0.5/24'], ['0.0.0.0/0', '10.5.0.0/16 via 10.1.0.1 scope 254'], 'routes[1].scope: 254 is for what is on the link'],
    [['10.1.0.5/24'], ['10.5.0.0/16 via 0.0.0.0 scope 253', '10.6.0.0/16 via 10.1.0.1 scope 200'], ''],
    [['fd00::5/64'], ['::/0 via fe80::1 scope 253'], ''],
    [['10.1.0.5/24'], ['10.5.0.0/16 scope 255'], 'routes[0].scope: 255 is not the scope of a route'],
  ])('reports of %j and %j: %j', (ips, routes, expected) => {
    const message = refusal(() => requireGateways({ ips: ips.map(ip), routes: routes.map(route) }))
    expect(message).toContain(expected)
    if (expected === '') expect(message).toBe('')
  })
})

describe('requireOnLink', () => {
  it.each([
    [['10.1.0.5/24 via 10.1.0.1'], ['0.0.0.0/0'], ''],
    [['fd00::5/64 via fe80::1'], ['::/0'], ''],
    [['10.1.0.5/24 via 0.0.0.0'], ['0.0.0.0/0'], ''],
    [['10.1.0.5/24 via 192.0.2.1'], [], ''],
    [['10.1.0.5/24 via 192.0.2.1'], ['::/0', '0.0.0.0/0 via 10.1.0.9', '10.0.0.0/8 scope 253'], ''],
    [['10.1.0.5/24 via 192.0.2.1'], ['192.0.2.1/32 scope 253', '0.0.0.0/0'], ''],
    [['10.1.0.5/24 via 192.0.2.1', '192.0.2.9/24'], ['0.0.0.0/0'], ''],
    [['10.1.0.5/24 via 10.1.0.1', '10.2.0.5/24 via 192.0.2.1'], ['0.0.0.0/0'], ''],
    [['10.1.0.5/24 via 192.0.2.1'], ['10.0.0.0/8'], '192.0.2.1 cannot be reached for the route to 10.0.0.0/8'],
    [['10.1.0.5/24 via 192.0.2.1'], ['0.0.0.0/0 via 192.0.2.1'], '192.0.2.1 cannot be reached for the route to 0.0.0.0/0'],
    [['10.1.0.5/32 via 10.1.0.1'], ['0.0.0.0/0'], 'add the route 10.1.0.1/32 with scope 253'],
    [['fd00::5/64 via fd01::1'], ['::/0'], 'fd01::1 cannot be reached for the route to ::/0'],
  ])('reports of %j and %j: %j', (ips, routes, expected) => {
    const message = refusal(() => requireOnLink(ips.map(ip), routes.map(route)))
    expect(message).toContain(expected)
    if (expected === '') expect(message).toBe('')
  })
})

it.each([
  [['10.1.0.5/24 via 10.1.0.1', 'fd00::5/64 via fe80::1', '10.2.0.5/24'], ''],
  [['10.1.0.1/24 via 10.1.0.1'], "10.1.0.1 is the pod's own address"],
  [['10.1.0.5/24 via 10.2.0.1', '10.2.0.1/24 via 10.2.0.9'], "10.2.0.1 is the pod's own address"],
  [['fd00::5/64 via ::'], ':: is not an address that a node can have'],
])('requireOwnGateways() reports of %j: %j', (ips, expected) => {
  expect(refusal(() => requireOwnGateways(ips.map(ip)))).toContain(expected)
})

it.each([
  ['10.1.0.5/24', '10.1.0.1'],
  ['10.1.0.0/31', '10.1.0.1'],
  ['10.1.0.1/31', '10.1.0.0'],
  ['fd00::1/127', 'fd00::'],
  ['fd00::5/64', 'fd00::1'],
  ['10.1.0.5/32', '10.1.0.6'],
])('firstGateway() of %s is %s', (address, expected) => {
  expect(formatAddress(firstGateway(parseCidr(address)))).toBe(expected)
})
