import { describe, expect, it } from 'vitest'
import type { Route } from '../../cni/types.ts'
import type { KernelRoute } from '../../kernel/route/route.ts'
import { formatAddress, parseAddress } from '../../net/address.ts'
import { formatCidr, parseCidr } from '../../net/cidr.ts'
import { chooseRoutes, kernelRoutes, type PodRoute } from './routes.ts'

const ip = (address: string, gateway = '') => ({ address: parseCidr(address), ...(gateway && { gateway: parseAddress(gateway) }) })
const v4 = ip('10.1.0.2/24', '10.1.0.1')
const v6 = ip('fd00:1::2/64', 'fd00:1::1')
const route = (dst: string, gw = '', more: Partial<PodRoute> = {}): PodRoute => ({
  dst: parseCidr(dst),
  ...(gw && { gw: parseAddress(gw) }),
  ...more,
})

const chosen = (routes: Route[], ips = [v4], hasLinkLocal = true) => {
  const made = chooseRoutes(routes, ips, () => hasLinkLocal)
  return [made.routes, made.useless].map((list) =>
    list.map(({ dst, gw }) => [formatCidr(dst), gw && formatAddress(gw)].filter(Boolean).join(' ')),
  )
}
const text = ({ dst, gateway, priority, mtu, table, onlink }: KernelRoute) =>
  [
    formatCidr(dst),
    gateway && formatAddress(gateway),
    priority && `metric ${priority}`,
    mtu && `mtu ${mtu}`,
    table && `table ${table}`,
    onlink && 'onlink',
  ]
    .filter(Boolean)
    .join(' ')
const output = (routes: PodRoute[], ips = [v4, v6], own?: PodRoute[]) => kernelRoutes(routes, ips, own).map(text)

describe('chooseRoutes()', () => {
  it('passes over routes of a family that the pod has no address of', () => {
    expect(chosen([route('0.0.0.0/0'), route('::/0'), route('2001:db8::/32', 'fd00:1::1')])).toEqual([
      ['0.0.0.0/0'],
      ['::/0', '2001:db8::/32 fd00:1::1'],
    ])
    expect(chosen([route('0.0.0.0/0', '10.1.0.1'), route('::/0')], [v6])).toEqual([['::/0'], ['0.0.0.0/0 10.1.0.1']])
  })

  it('includes a route via a link-local gateway when IPv6 is on: a router may give the pod its addresses', () => {
    expect(chosen([route('2001:db8::/32', 'fe80::1')])).toEqual([['2001:db8::/32 fe80::1'], []])
    expect(chosen([route('2001:db8::/32', 'fe80::1')], [v4], false)).toEqual([[], ['2001:db8::/32 fe80::1']])
  })

  it.each([
    ['the same twice', [route('10.5.0.0/16'), route('10.5.0.0/16')]],
    ['its gateway named', [route('10.5.0.0/16'), route('10.5.0.0/16', '10.1.0.1')]],
    ['host bits', [route('10.5.0.0/16'), route('10.5.7.9/16')]],
    ['the table named', [route('10.5.0.0/16'), route('10.5.0.0/16', '', { table: 254 }), route('10.5.0.0/16', '', { table: 0 })]],
    ['other sizes', [route('10.5.0.0/16'), route('10.5.0.0/16', '', { mtu: 1300 })]],
  ])('takes for one route: %s', (_what, routes) => {
    expect(chosen(routes)).toEqual([['10.5.0.0/16'], []])
  })

  it('takes the metric of an IPv6 route for the one it has anyway', () => {
    expect(chosen([route('::/0'), route('::/0', '', { priority: 1024 })], [v6])).toEqual([['::/0'], []])
  })

  it('includes routes to one destination with other metrics, tables or gateways', () => {
    const routes = [{}, { priority: 7 }, { table: 100 }].map((more) => route('10.5.0.0/16', '', more))
    expect(chosen([...routes, route('10.5.0.0/16', '10.1.0.9')])[0]).toHaveLength(4)
  })
})

describe('kernelRoutes()', () => {
  it('is the first gateway of the family when the route names none', () => {
    expect(output([route('0.0.0.0/0'), route('::/0'), route('10.5.0.0/16', '10.1.0.9')])).toEqual([
      '0.0.0.0/0 10.1.0.1',
      '::/0 fd00:1::1',
      '10.5.0.0/16 10.1.0.9',
    ])
  })

  it('is undefined for what is on the link', () => {
    const routes = [
      route('10.5.0.0/16', '', { scope: 253 }),
      route('10.6.0.0/16', '', { scope: 254 }),
      route('10.7.0.0/16', '0.0.0.0'),
      route('fd05::/64', '::'),
    ]
    expect(output(routes)).toEqual(['10.5.0.0/16', '10.6.0.0/16', '10.7.0.0/16', 'fd05::/64'])
  })

  it('leaves the routes to the pod’s subnets to the kernel', () => {
    const own = [route('10.1.0.0/24', '', { scope: 253 }), route('fd00:1::/64', '::'), route('fd00:1::/64', '::', { priority: 256 })]
    expect(output(own)).toEqual([])
    // With a metric, sizes or a gateway it is another one.
    const others = [route('10.1.0.0/24'), route('10.1.0.0/24', '0.0.0.0', { priority: 9 }), route('10.1.0.0/24', '0.0.0.0', { mtu: 1300 })]
    expect(output(others)).toEqual(['10.1.0.0/24 10.1.0.1', '10.1.0.0/24 metric 9', '10.1.0.0/24 mtu 1300'])
  })

  it('has the caller’s own first and once, with the requested MTU and MSS', () => {
    const own = [route('10.1.0.1/32', '', { scope: 253 }), route('10.1.0.0/24', '10.1.0.1')]
    const routes = [route('10.1.0.0/24', '', { mtu: 1300 }), route('10.1.0.1/32', '0.0.0.0'), route('0.0.0.0/0')]
    expect(output(routes, [v4], own)).toEqual(['10.1.0.1/32', '10.1.0.0/24 10.1.0.1 mtu 1300', '0.0.0.0/0 10.1.0.1'])
  })

  it('marks a gateway of the subnet as on the link when there is no route to the subnet', () => {
    expect(output([route('10.5.0.0/16', '10.1.0.9'), route('10.6.0.0/16')], [v4], [])).toEqual([
      '10.5.0.0/16 10.1.0.9 onlink',
      '10.6.0.0/16 10.1.0.1',
    ])
  })
})
