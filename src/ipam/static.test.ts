import { describe, expect, it } from 'vitest'
import { type Given, requestFor } from '../../test/harness/ipam.ts'
import type { Json } from '../cni/json.ts'
import { formatAddress, parseAddress } from '../net/address.ts'
import { formatCidr, parseCidr } from '../net/cidr.ts'
import { staticIpam } from './static.ts'

const { config, ...verbs } = staticIpam
const add = (json: Json, given: Given = {}) => verbs.add(requestFor(config, json, given))
const ips = (json: Json, given: Given = {}) =>
  add(json, given).ips.map(({ address, gateway }) => `${formatCidr(address)}${gateway ? ` via ${formatAddress(gateway)}` : ''}`)
const conf = (addresses: Json, rest: { [key: string]: Json } = {}): Json => ({ ...rest, ipam: { type: 'static', addresses } })
const two = [{ address: '10.10.0.1/24', gateway: '10.10.0.254' }, { address: '3ffe:ffff:0:01ff::1/64' }]

describe('ADD', () => {
  it('returns the addresses, the routes and the dns', () => {
    const routes = [{ dst: '0.0.0.0/0', gw: '10.10.5.1' }]
    const result = add({ ipam: { addresses: two, routes, dns: { nameservers: ['8.8.8.8'], domain: 'example.net' } } })
    expect(result.ips.map(({ address }) => formatCidr(address))).toEqual(['10.10.0.1/24', '3ffe:ffff:0:1ff::1/64'])
    expect(result.routes.map(({ dst, gw }) => [formatCidr(dst), gw && formatAddress(gw)])).toEqual([['0.0.0.0/0', '10.10.5.1']])
    expect(result.dns).toMatchObject({ nameservers: ['8.8.8.8'], domain: 'example.net' })
    expect(result.interfaces).toEqual([])
  })

  it.each<{ what: string; json: Json; given?: Given; expected: string[] }>([
    { what: 'its own addresses', json: conf(two), expected: ['10.10.0.1/24 via 10.10.0.254', '3ffe:ffff:0:1ff::1/64'] },
    {
      what: 'those of CNI_ARGS behind its own, each gateway where it belongs',
      json: conf([{ address: '10.10.0.1/24' }]),
      given: { args: { IP: '10.11.0.2/24, fd00::2/64', GATEWAY: '10.11.0.1,10.10.0.9' } },
      expected: ['10.10.0.1/24 via 10.10.0.9', '10.11.0.2/24 via 10.11.0.1', 'fd00::2/64'],
    },
    {
      what: 'those of args in the place of its own, and of whatever CNI_ARGS has',
      json: conf(two, { args: { cni: { ips: ['10.1.0.5/16'] } } }),
      given: { args: { IP: 'nonsense', GATEWAY: 'nonsense' } },
      expected: ['10.1.0.5/16'],
    },
    {
      what: 'those of the runtime in the place of all others',
      json: conf(two, { args: { cni: { ips: ['10.1.0.5/16'] } }, runtimeConfig: { ips: ['10.2.0.5/16', 'fd00::5/64'] } }),
      given: { args: { IP: '10.3.0.5/16' } },
      expected: ['10.2.0.5/16', 'fd00::5/64'],
    },
    {
      what: 'its own when the list of the runtime is empty',
      json: conf(two.slice(1), { runtimeConfig: { ips: [] } }),
      expected: ['3ffe:ffff:0:1ff::1/64'],
    },
    {
      what: 'every address of two, and of one alone',
      json: conf([
        { address: '10.9.9.0/31', gateway: '10.9.9.1' },
        { address: '10.9.9.255/32' },
        { address: 'fd00::/127' },
        { address: 'fd00::/128' },
      ]),
      expected: ['10.9.9.0/31 via 10.9.9.1', '10.9.9.255/32', 'fd00::/127', 'fd00::/128'],
    },
    {
      what: 'the runtime’s although its own, which are not used, make no sense',
      json: conf([{ address: '10.9.9.0/24' }], { runtimeConfig: { ips: ['10.9.9.5/24'] } }),
      expected: ['10.9.9.5/24'],
    },
    {
      what: 'a gateway outside the subnet, and one that is written as a mapped address',
      json: conf([
        { address: 'fd00::5/64', gateway: 'fe80::1' },
        { address: '10.9.9.5/24', gateway: '::ffff:10.9.8.1' },
      ]),
      expected: ['fd00::5/64 via fe80::1', '10.9.9.5/24 via 10.9.8.1'],
    },
    { what: 'nothing when nothing is configured', json: { ipam: {} }, expected: [] },
  ])('gives $what', ({ json, given, expected }) => {
    expect(ips(json, given)).toEqual(expected)
  })

  it.each<[Json, Given, string]>([
    [conf([{ address: '10.9.9.255/24' }]), {}, 'ipam.addresses[0].address: 10.9.9.255 is the broadcast address of 10.9.9.0/24'],
    [conf([{ address: '10.9.9.0/24' }]), {}, 'ipam.addresses[0].address: 10.9.9.0 is the network address of 10.9.9.0/24'],
    [conf([{ address: 'fd00::/64' }]), {}, 'ipam.addresses[0].address: fd00:: is the Subnet-Router anycast address of fd00::/64'],
    [conf([]), { args: { IP: '10.9.9.255/24' } }, 'CNI_ARGS: 10.9.9.255 is the broadcast address'],
    [conf([], { args: { cni: { ips: ['10.9.9.255/24'] } } }), {}, 'args.cni.ips: 10.9.9.255 is the broadcast address'],
    [conf([], { runtimeConfig: { ips: ['10.9.9.255/24'] } }), {}, 'runtimeConfig.ips: 10.9.9.255 is the broadcast address'],
    [
      conf([{ address: '10.9.9.5/24', gateway: 'fd00::1' }]),
      {},
      'ipam.addresses[0].gateway: fd00::1 is an IPv6 address, 10.9.9.0/24 is IPv4',
    ],
    [
      conf([{ address: '10.9.9.5/24' }]),
      { args: { GATEWAY: '10.9.9.255' } },
      'CNI_ARGS: 10.9.9.255 is the broadcast address of 10.9.9.0/24',
    ],
    [conf([{ address: '::ffff:10.9.9.5/120' }]), {}, 'ipam.addresses[0].address'],
    [{}, {}, "IPAM config missing 'ipam' key"],
    [
      conf([{ address: '10.10.0.1' }]),
      {},
      "ipam.addresses[0].address: the 'address' field is expected to be in CIDR notation, got: '10.10.0.1'",
    ],
    [conf([{}]), {}, "the 'address' field is expected to be in CIDR notation, got: ''"],
    [conf([{ address: '10.10.0.1/24', gateway: 'x' }]), {}, 'ipam.addresses[0].gateway'],
    [
      conf([], { args: { cni: { ips: ['10.0.0.1'] } } }),
      {},
      "args.cni.ips: an entry in the 'ips' field is NOT in CIDR notation, got: '10.0.0.1'",
    ],
    [conf([], { runtimeConfig: { ips: ['x'] } }), {}, "runtimeConfig.ips: an entry in the 'ips' field is NOT in CIDR notation, got: 'x'"],
    [conf([]), { args: { IP: '10.0.0.1' } }, "the 'ip' field is expected to be in CIDR notation, got: '10.0.0.1'"],
    [conf([]), { args: { GATEWAY: 'x' } }, 'invalid gateway address: x'],
    [
      conf([{ address: '10.0.0.1/8' }, { address: '10.0.0.2/8' }]),
      { cniVersion: '0.2.0' },
      'CNI version 0.2.0 does not support more than 1 address per family',
    ],
    [{ ipam: { routes: [{ gw: '10.0.0.1' }] } }, {}, 'ipam.routes[0].dst'],
  ])('rejects %j with %j', (json, given, problem) => {
    expect(() => add(json, given)).toThrow(expect.objectContaining({ code: 7, message: expect.stringContaining(problem) }))
  })
})

describe('CHECK', () => {
  const prevResult = {
    interfaces: [],
    ips: [{ address: parseCidr('10.10.0.1/24'), gateway: parseAddress('10.10.0.254') }, { address: parseCidr('192.0.2.1/32') }],
    routes: [],
    dns: {},
  }
  const check = (addresses: Json, given: Given) => verbs.check(requestFor(config, conf(addresses), { ...given, command: 'CHECK' }))
  it.each<[Json]>([[two.slice(0, 1)], [[{ address: '10.10.0.1/24' }]], [[]]])('passes for %j', (addresses) => {
    expect(() => check(addresses, { prevResult })).not.toThrow()
  })

  it.each<[Json, string]>([
    [[{ address: '10.10.0.2/24' }], '10.10.0.2'],
    [[{ address: '10.10.0.1/24', gateway: '10.10.0.253' }], '10.10.0.1'],
    [[{ address: '192.0.2.1/32', gateway: '192.0.2.2' }], '192.0.2.1'],
  ])('fails for %j', (addresses, address) => {
    expect(() => check(addresses, { prevResult })).toThrow(`static: Failed to match addr ${address} on interface eth0`)
  })

  it('needs a prevResult', () => {
    expect(() => check([], {})).toThrow(expect.objectContaining({ code: 7, message: 'prevResult: is missing' }))
  })
})

it.each(['DEL', 'GC'] as const)('%s succeeds whatever the addresses look like', (command) => {
  const request = requestFor(config, conf([{ address: 'nonsense' }]), { command, args: { IP: 'x' } })
  expect(() => (command === 'DEL' ? verbs.del : verbs.gc)()).not.toThrow()
  expect(request.config.addresses).toEqual([])
})
