import { describe, expect, it } from 'vitest'
import type { KernelRoute } from '../../../kernel/route/route.ts'
import type { KernelRule } from '../../../kernel/route/rule.ts'
import { formatAddress, parseAddress } from '../../../net/address.ts'
import { formatCidr, hostCidr, parseCidr } from '../../../net/cidr.ts'
import { planSbr } from './plan.ts'

const OIF = 3
const plain = { table: undefined, gateways: [], addSourceHints: false }
const ip = (address: string, gateway = '') => ({ address: parseCidr(address), ...(gateway && { gateway: parseAddress(gateway) }) })
const route = (dst: string, more: Partial<KernelRoute> & { via?: string; from?: string } = {}): KernelRoute => {
  const { via, from, ...rest } = more
  return {
    dst: parseCidr(dst),
    oif: OIF,
    table: 254,
    ...(via && { gateway: parseAddress(via) }),
    ...(from && { src: parseAddress(from) }),
    ...rest,
  }
}
const rule = (src: string, table: number): KernelRule => ({ family: 4, src: hostCidr(parseAddress(src)), table, priority: 100 })
const text = ({ dst, gateway, src, table }: KernelRoute) =>
  [formatCidr(dst), gateway && `via ${formatAddress(gateway)}`, src && `src ${formatAddress(src)}`, `table ${table ?? 254}`]
    .filter(Boolean)
    .join(' ')

function plan(ips: ReturnType<typeof ip>[], routes: KernelRoute[] = [], rules: KernelRule[] = [], config: object = {}) {
  const made = planSbr({ rules, routes }, OIF, ips, { ...plain, ...config })
  return {
    rules: made.rules.map(({ src, table }) => `${formatCidr(src)} ${table}`),
    routes: made.routes.map(text),
    removed: made.removed.map(text),
    hints: made.hints.map(text),
  }
}

const connected = route('10.1.0.0/24', { from: '10.1.0.2' })
const standard = route('0.0.0.0/0', { via: '10.1.0.1' })

describe('planSbr()', () => {
  it('moves the interface’s routes into a table of its address, gateways behind what they need', () => {
    expect(plan([ip('10.1.0.2/24', '10.1.0.1')], [route('192.168.0.0/16', { via: '10.1.0.7' }), connected])).toEqual({
      rules: ['10.1.0.2/32 100'],
      routes: ['10.1.0.0/24 src 10.1.0.2 table 100', '0.0.0.0/0 via 10.1.0.1 table 100', '192.168.0.0/16 via 10.1.0.7 table 100'],
      removed: ['192.168.0.0/16 via 10.1.0.7 table 254', '10.1.0.0/24 src 10.1.0.2 table 254'],
      hints: [],
    })
  })

  it('has one default route where the interface had one', () => {
    expect(plan([ip('10.1.0.2/24', '10.1.0.1')], [connected, standard]).routes).toEqual([
      '10.1.0.0/24 src 10.1.0.2 table 100',
      '0.0.0.0/0 via 10.1.0.1 table 100',
    ])
    expect(plan([ip('10.1.0.2/24')], [connected, standard]).routes).toContain('0.0.0.0/0 via 10.1.0.1 table 100')
  })

  it('gives each address a table, with the routes that concern it or all', () => {
    const other = route('10.2.0.0/24', { from: '10.2.0.2' })
    const generic = route('172.16.0.0/12')
    const { rules, routes } = plan([ip('10.1.0.2/24'), ip('10.2.0.2/24')], [connected, other, generic])
    expect(rules).toEqual(['10.1.0.2/32 100', '10.2.0.2/32 101'])
    expect(routes).toEqual([
      '10.1.0.0/24 src 10.1.0.2 table 100',
      '172.16.0.0/12 table 100',
      '10.2.0.0/24 src 10.2.0.2 table 101',
      '172.16.0.0/12 table 101',
    ])
  })

  it('passes over tables that a rule or a route has', () => {
    const { rules } = plan([ip('10.1.0.2/24'), ip('10.2.0.2/24')], [route('10.9.0.0/24', { table: 101, oif: 9 })], [rule('10.9.0.1', 100)])
    expect(rules).toEqual(['10.1.0.2/32 102', '10.2.0.2/32 103'])
  })

  it('uses the table of an address that has its rule: ADD repeated', () => {
    expect(plan([ip('10.1.0.2/24', '10.1.0.1')], [], [rule('10.1.0.2', 105)])).toEqual({
      rules: [],
      routes: ['0.0.0.0/0 via 10.1.0.1 table 105'],
      removed: [],
      hints: [],
    })
  })

  it('leaves routes of a family without an address where they are', () => {
    expect(plan([ip('10.1.0.2/24')], [connected, route('::/0', { via: 'fe80::9' })])).toMatchObject({
      routes: ['10.1.0.0/24 src 10.1.0.2 table 100'],
      removed: ['10.1.0.0/24 src 10.1.0.2 table 254'],
    })
  })

  it('copies routes via a gateway outside all subnets for each address, and none into a table of the other family', () => {
    const far = [route('169.254.1.1/32'), route('0.0.0.0/0', { via: '169.254.1.1' }), route('fd05::/64')]
    expect(plan([ip('10.1.0.2/32'), ip('10.2.0.2/32'), ip('fd00::2/64')], far).routes).toEqual([
      '169.254.1.1/32 table 100',
      '0.0.0.0/0 via 169.254.1.1 table 100',
      '169.254.1.1/32 table 101',
      '0.0.0.0/0 via 169.254.1.1 table 101',
      'fd05::/64 table 102',
    ])
  })

  it('prefers the interface’s own default routes to one via the address’s gateway', () => {
    const other = route('0.0.0.0/0', { via: '10.1.0.9' })
    const spare = route('0.0.0.0/0', { via: '10.1.0.1', priority: 7 })
    expect(plan([ip('10.1.0.2/24', '10.1.0.1')], [other, spare]).routes).toEqual([
      '0.0.0.0/0 via 10.1.0.9 table 100',
      '0.0.0.0/0 via 10.1.0.1 table 100',
    ])
    expect(plan([ip('10.1.0.2/24', '10.1.0.1')], [other], [], { gateways: [parseAddress('10.1.0.5')] }).routes).toEqual([
      '0.0.0.0/0 via 10.1.0.5 table 100',
    ])
    // ADD repeated: what was moved before is there.
    expect(plan([ip('10.1.0.2/24', '10.1.0.1')], [{ ...other, table: 105 }], [rule('10.1.0.2', 105)]).routes).toEqual([])
  })

  it('leaves one hint for a subnet that has several addresses', () => {
    expect(plan([ip('10.1.0.2/24'), ip('10.1.0.3/24')], [], [], { addSourceHints: true }).hints).toEqual([
      '10.1.0.0/24 src 10.1.0.2 table 254',
    ])
  })

  it('leaves other interfaces, other tables and link-local prefixes alone', () => {
    const foreign = [route('10.5.0.0/24', { oif: 9 }), route('10.6.0.0/24', { table: 7 }), route('fe80::/64')]
    expect(plan([ip('10.1.0.2/24')], foreign)).toMatchObject({ routes: [], removed: [] })
  })

  it('adds nothing but rules with a table', () => {
    const given = { table: 500 }
    expect(plan([ip('10.1.0.2/24', '10.1.0.1'), ip('fd00::2/64')], [connected], [], given)).toEqual({
      rules: ['10.1.0.2/32 500', 'fd00::2/128 500'],
      routes: [],
      removed: [],
      hints: [],
    })
    expect(plan([ip('10.1.0.2/24')], [], [rule('10.1.0.2', 500)], given).rules).toEqual([])
  })

  it('takes the gateway of the configuration, and leaves hints', () => {
    const made = plan([ip('10.1.0.2/24', '10.1.0.1'), ip('fd00::2/64')], [], [], {
      gateways: [parseAddress('10.1.0.9')],
      addSourceHints: true,
    })
    expect(made).toMatchObject({
      routes: ['0.0.0.0/0 via 10.1.0.9 table 100'],
      hints: ['10.1.0.0/24 src 10.1.0.2 table 254', 'fd00::/64 src fd00::2 table 254'],
    })
  })
})
