// Network, broadcast and anycast addresses, which rangeStart and rangeEnd may include: no one could connect to a pod that has one.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Given, readConfig, requestFor } from '../../test/harness/ipam.ts'
import { type ConflistState, poolsOf } from '../cli/conflist-state.ts'
import type { Json } from '../cni/json.ts'
import { formatAddress } from '../net/address.ts'
import { parseCidr } from '../net/cidr.ts'
import { hostLocalIpam } from './host-local.ts'

const { config: read, ...verbs } = hostLocalIpam
let dataDir: string

beforeEach(() => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'set-apart-'))
})
afterEach(() => fs.rmSync(dataDir, { recursive: true, force: true }))

type Ranges = readonly (readonly { readonly [key: string]: string }[])[]
const conf = (ranges: Ranges, rest: { [key: string]: Json } = {}): Json => ({ ...rest, ipam: { type: 'host-local', dataDir, ranges } })
const add = (json: Json, given: Given = {}) =>
  verbs.add(requestFor(read, json, given)).ips.map(({ address }) => formatAddress(address.address))
const del = (json: Json, given: Given = {}) => verbs.del(requestFor(read, json, { ...given, command: 'DEL' }))
const status = (json: Json) => verbs.status(requestFor(read, json, { command: 'STATUS' }))
const lease = (address: string, content = 'held\r\neth0') => {
  fs.mkdirSync(path.join(dataDir, 'net'), { recursive: true })
  fs.writeFileSync(path.join(dataDir, 'net', address), content)
}
const pools = (json: Json, ...leased: string[]) => {
  const state: ConflistState = {
    path: '',
    state: 'published',
    sha256: '',
    name: 'net',
    problems: [],
    conflicting: [],
    sets: readConfig(read, json).sets,
    list: {},
  }
  return poolsOf(
    state,
    leased.map((address) => ({ address, network: 'net', containerId: 'x', ifname: 'eth0', age: 0 })),
  ).map(({ used, free }) => [used, free])
}

describe('a range that includes what its subnet sets apart', () => {
  it.each<[string, Ranges, string[]]>([
    ['broadcast address', [[{ subnet: '10.9.9.0/24', rangeStart: '10.9.9.254', rangeEnd: '10.9.9.255' }]], ['10.9.9.254']],
    ['network address', [[{ subnet: '10.9.9.0/24', rangeStart: '10.9.9.0', rangeEnd: '10.9.9.2' }]], ['10.9.9.2']],
    ['both', [[{ subnet: '10.9.9.8/30', rangeStart: '10.9.9.8', rangeEnd: '10.9.9.11' }]], ['10.9.9.10']],
    ['anycast address', [[{ subnet: 'fd00::/126', rangeStart: 'fd00::', rangeEnd: 'fd00::3' }]], ['fd00::2', 'fd00::3']],
    [
      'broadcast address of the first of two ranges',
      [
        [
          { subnet: '10.9.8.0/24', rangeStart: '10.9.8.255', rangeEnd: '10.9.8.255' },
          { subnet: '10.9.9.0/30', rangeStart: '10.9.9.0', rangeEnd: '10.9.9.3' },
        ],
      ],
      ['10.9.9.2'],
    ],
    [
      'gateway of another range of the set',
      [
        [
          { subnet: '10.9.8.0/30', gateway: '10.9.9.2' },
          { subnet: '10.9.9.0/29', rangeEnd: '10.9.9.3' },
        ],
      ],
      ['10.9.8.1', '10.9.8.2', '10.9.9.3'],
    ],
  ])('gives out all but its %s, counts the rest, and reports when it is exhausted', (_, ranges, expected) => {
    const json = conf(ranges)
    expect(pools(json)).toEqual([[0, expected.length]])
    expect(expected.flatMap((__, i) => add(json, { containerId: `c${i}` }))).toEqual(expected)
    expect(pools(json, ...expected)).toEqual([[expected.length, 0]])
    const full = { message: expect.stringContaining('no IP addresses available in range set') }
    expect(() => add(json, { containerId: 'late' })).toThrow(expect.objectContaining({ ...full, code: 11 }))
    const { length } = expected
    const details = expect.stringContaining(`${length} of ${length} addresses`)
    expect(() => status(json)).toThrow(expect.objectContaining({ ...full, code: 50, details }))
    del(json, { containerId: 'c0' })
    expect(() => status(json)).not.toThrow()
    expect(add(json, { containerId: 'late' })).toEqual(expected.slice(0, 1))
  })

  it.each([
    [
      'the middle of a larger subnet',
      [[{ subnet: '10.9.8.0/23', rangeStart: '10.9.8.255', rangeEnd: '10.9.9.0' }]],
      ['10.9.8.255', '10.9.9.0'],
    ],
    ['the last IPv6 address', [[{ subnet: 'fd00::/120', rangeStart: 'fd00::ff', rangeEnd: 'fd00::ff' }]], ['fd00::ff']],
  ])('gives out %s', (_, ranges, expected) => {
    expect(expected.flatMap((__, i) => add(conf(ranges), { containerId: `c${i}` }))).toEqual(expected)
  })

  it.each([
    ['10.9.9.0/24', '10.9.9.255', 'broadcast address'],
    ['10.9.9.0/24', '10.9.9.0', 'network address'],
    ['fd00::/64', 'fd00::', 'Subnet-Router anycast address'],
  ])('rejects the request of %s for %s, however it is made', (subnet, ip, what) => {
    const end = subnet.startsWith('10.') ? '10.9.9.255' : 'fd00::ff'
    const ranges = [[{ subnet, rangeStart: subnet.split('/')[0] ?? '', rangeEnd: end }]]
    const requests: [Json, Given][] = [
      [conf(ranges), { args: { IP: ip } }],
      [conf(ranges, { args: { cni: { ips: [ip] } } }), {}],
      [conf(ranges, { runtimeConfig: { ips: [`${ip}/24`] } }), {}],
    ]
    const message = `failed to allocate for range 0: requested ip ${ip} is subnet's ${what}`
    for (const [json, given] of requests) expect(() => add(json, given)).toThrow(expect.objectContaining({ code: 7, message }))
    expect(fs.readdirSync(path.join(dataDir, 'net')).filter((name) => name.startsWith(ip))).toEqual([])
  })

  it.each([
    [{ subnet: '10.9.9.0/24', rangeStart: '10.9.9.255', rangeEnd: '10.9.9.255' }, '10.9.9.255-10.9.9.255'],
    [{ subnet: '10.9.9.0/24', rangeStart: '10.9.9.0', rangeEnd: '10.9.9.1' }, '10.9.9.0-10.9.9.1'],
    [{ subnet: 'fd00::/64', rangeStart: 'fd00::', rangeEnd: 'fd00::' }, 'fd00::-fd00::'],
  ])('is an error when %j has no other address, before a lease is taken', (range, text) => {
    const message = `invalid network configuration: ipam: invalid range set 1: ${text} has no address to give out`
    for (const call of [add, status]) {
      expect(() => call(conf([[{ subnet: '10.1.0.0/24' }], [range]]))).toThrow(
        expect.objectContaining({ code: 7, message: expect.stringContaining(message) }),
      )
    }
    expect(fs.readdirSync(dataDir)).toEqual([])
  })
})

describe('a lease of a reserved address', () => {
  it('stays its owner’s until DEL, takes no room, and passes CHECK', () => {
    const held = conf([[{ subnet: '10.9.9.0/24', rangeStart: '10.9.9.252', rangeEnd: '10.9.9.255' }]])
    lease('10.9.9.255')
    expect(add(held, { containerId: 'held' })).toEqual(['10.9.9.255'])
    const prevResult = { interfaces: [], ips: [{ address: parseCidr('10.9.9.255/24') }], routes: [], dns: {} }
    expect(() => verbs.check(requestFor(read, held, { command: 'CHECK', containerId: 'held', prevResult }))).not.toThrow()
    expect(pools(held, '10.9.9.255')).toEqual([[0, 3]])
    expect(['a', 'b', 'c'].flatMap((containerId) => add(held, { containerId }))).toEqual(['10.9.9.252', '10.9.9.253', '10.9.9.254'])
    expect(() => status(held)).toThrow(expect.objectContaining({ details: expect.stringContaining('3 of 3 addresses') }))
    del(held, { containerId: 'held' })
    expect(fs.readdirSync(path.join(dataDir, 'net'))).not.toContain('10.9.9.255')
  })
})
