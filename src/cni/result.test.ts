import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from './json.ts'
import { Reader } from './reader.ts'
import { decodeResult, encodeResult, readPrevious } from './result.ts'
import { readDns, readRoute } from './routes-and-dns.ts'
import { type CniVersion, cniVersions } from './types.ts'

const modern = cniVersions.slice(2)
const interfaces = [
  { name: 'cni0', mac: '0a:58:0a:01:00:01', mtu: 1500, socketPath: '/s', pciID: '0000:00:1f.6' },
  { name: 'eth0', mac: '0a:58:0a:01:00:05', sandbox: '/var/run/netns/x' },
]
const ips = [{ address: '10.1.0.5/24', gateway: '10.1.0.1', interface: 1 }, { address: 'fd00::5/64' }]
const routes = [
  { dst: '0.0.0.0/0' },
  { dst: '10.9.0.0/16', gw: '10.1.0.9', mtu: 1400, advmss: 1300, priority: 7, table: 0, scope: 0 },
  { dst: '::/0', gw: 'fd00::1' },
]
const dns = { nameservers: ['1.1.1.1'], domain: 'x.y', search: ['a', 'b'], options: ['ndots:5'] }
const full = decodeResult({ cniVersion: '1.1.0', interfaces, ips, routes, dns }, '1.1.0', 'the result')
const empty = { interfaces: [], ips: [], routes: [], dns: {} }

/** The text of an object literal, whose keys are in libcni's order. */
const text = (json: unknown) => JSON.stringify(json, undefined, 4)

describe('encodeResult', () => {
  it('prints as libcni does: four spaces, no newline at the end', () => {
    const { ips } = decodeResult({ ips: [{ address: '10.1.0.5/24' }] }, '1.0.0', 'x')
    const expected = '{\n    "cniVersion": "1.0.0",\n    "ips": [\n        {\n            "address": "10.1.0.5/24"\n        }\n    ]\n}'
    expect(encodeResult({ ...empty, ips }, '1.0.0')).toBe(expected)
  })

  it('escapes what libcni escapes', () => {
    expect(encodeResult({ ...empty, dns: { domain: '<a>&' } }, '1.1.0')).toContain('"domain": "\\u003ca\\u003e\\u0026"')
  })

  it.each(['0.1.0', '0.2.0'] as const)('spells %s by family', (cniVersion) => {
    expect(encodeResult(full, cniVersion)).toBe(
      text({
        cniVersion,
        ip4: { ip: '10.1.0.5/24', gateway: '10.1.0.1', routes: [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.1.0.9' }] },
        ip6: { ip: 'fd00::5/64', routes: [{ dst: '::/0', gw: 'fd00::1' }] },
        dns,
      }),
    )
  })

  it.each(['0.3.0', '0.3.1', '0.4.0'] as const)(
    'spells %s with the family of each address, interfaces without what came later',
    (cniVersion) => {
      expect(encodeResult(full, cniVersion)).toBe(
        text({
          cniVersion,
          interfaces: [
            { name: 'cni0', mac: '0a:58:0a:01:00:01' },
            { name: 'eth0', mac: '0a:58:0a:01:00:05', sandbox: '/var/run/netns/x' },
          ],
          ips: [
            { version: '4', interface: 1, address: '10.1.0.5/24', gateway: '10.1.0.1' },
            { version: '6', address: 'fd00::5/64' },
          ],
          routes,
          dns,
        }),
      )
    },
  )

  const sortedDns = { domain: 'x.y', nameservers: ['1.1.1.1'], options: ['ndots:5'], search: ['a', 'b'] }
  const sortedIps = [{ address: '10.1.0.5/24', gateway: '10.1.0.1', interface: 1 }, { address: 'fd00::5/64' }]

  it.each(['1.0.0', '1.1.0'] as const)('prints %s with sorted keys and every field', (cniVersion) => {
    expect(encodeResult(full, cniVersion)).toBe(
      text({
        cniVersion,
        dns: sortedDns,
        interfaces: [
          { mac: '0a:58:0a:01:00:01', mtu: 1500, name: 'cni0', pciID: '0000:00:1f.6', socketPath: '/s' },
          { mac: '0a:58:0a:01:00:05', name: 'eth0', sandbox: '/var/run/netns/x' },
        ],
        ips: sortedIps,
        routes: [
          { dst: '0.0.0.0/0' },
          { advmss: 1300, dst: '10.9.0.0/16', gw: '10.1.0.9', mtu: 1400, priority: 7, scope: 0, table: 0 },
          { dst: '::/0', gw: 'fd00::1' },
        ],
      }),
    )
  })

  it.each([
    ['0.3.0', { cniVersion: '0.3.0', dns: {} }],
    ['0.4.0', { cniVersion: '0.4.0', dns: {} }],
    ['1.0.0', { cniVersion: '1.0.0' }],
    ['1.1.0', { cniVersion: '1.1.0' }],
  ] as const)('prints an empty result of %s', (version, json) => {
    expect(encodeResult(empty, version)).toBe(text(json))
  })

  it.each(['0.1.0', '0.2.0'] as const)('cannot express a result without addresses in %s', (version) => {
    const error = expect.objectContaining({ code: 1, message: 'cannot convert: no valid IP addresses' })
    expect(() => encodeResult({ ...full, ips: [] }, version)).toThrow(error)
  })

  it('prints the first address of a family in 0.2.0 and drops the routes of a family without one', () => {
    const json = { ips: [{ address: '10.1.0.5/24' }, { address: '10.2.0.5/24' }], routes: [{ dst: '::/0' }, { dst: '0.0.0.0/0' }] }
    const expected = text({ cniVersion: '0.2.0', ip4: { ip: '10.1.0.5/24', routes: [{ dst: '0.0.0.0/0' }] }, dns: {} })
    expect(encodeResult(decodeResult(json, '1.0.0', 'x'), '0.2.0')).toBe(expected)
  })

  it('prints an empty interface name, no other empty text, and no size of zero', () => {
    const json = {
      interfaces: [{ name: '', mac: '', sandbox: '', mtu: 0 }],
      dns: { domain: '', search: [] },
      routes: [{ dst: '::/0', mtu: 0, advmss: 0, priority: 0 }],
    }
    const expected = text({ cniVersion: '1.1.0', interfaces: [{ name: '' }], routes: [{ dst: '::/0' }] })
    expect(encodeResult(decodeResult(json, '1.1.0', 'x'), '1.1.0')).toBe(expected)
  })
})

describe('decodeResult', () => {
  it.each(cniVersions)('takes a result without cniVersion for %s', (version) => {
    const json = JSON.parse(encodeResult(full, version)) as Record<string, Json>
    const { cniVersion, ...rest } = json
    expect(cniVersion).toBe(version)
    expect(decodeResult(rest, version, 'x')).toEqual(decodeResult(json, '1.1.0', 'x'))
  })

  it('reads 0.2.0 into one list of addresses, IPv4 first', () => {
    const json = { ip6: { ip: 'fd00::5/64', routes: [{ dst: '::/0' }] }, ip4: { ip: '10.1.0.5/24', gateway: '10.1.0.1' } }
    expect(JSON.parse(encodeResult(decodeResult(json, '0.2.0', 'x'), '1.0.0'))).toEqual({
      cniVersion: '1.0.0',
      ips: [{ address: '10.1.0.5/24', gateway: '10.1.0.1' }, { address: 'fd00::5/64' }],
      routes: [{ dst: '::/0' }],
    })
  })

  it('takes null for an empty result', () => {
    expect(decodeResult(null, '1.0.0', 'x')).toEqual(empty)
  })

  it('finds keys in any case and ignores what it does not know', () => {
    const json = { CNIVersion: '1.0.0', IPs: [{ Address: '10.1.0.5/24', version: 4, more: {} }], more: 1 }
    expect(encodeResult(decodeResult(json, '0.1.0', 'x'), '1.0.0')).toContain('10.1.0.5/24')
  })

  it.each<[Json, string]>([
    [[], 'x: expected an object, got []'],
    ['text', 'x: expected an object, got "text"'],
    [{ cniVersion: '9.0.0' }, 'x: cniVersion: unknown version "9.0.0"'],
    [{ cniVersion: 1 }, 'x: cniVersion: unknown version 1'],
    [{ ips: {} }, 'x: ips: expected a list, got {}'],
    [{ ips: [{}] }, 'x: ips[0].address: is missing'],
    [{ ips: [{ address: '' }] }, 'x: ips[0].address: is missing'],
    [{ ips: [{ address: '10.1.0.5' }] }, 'x: ips[0].address: expected CIDR notation, got "10.1.0.5"'],
    [{ ips: [{ address: '10.1.0.5/24', gateway: 'y' }] }, 'x: ips[0].gateway: expected an IP address, got "y"'],
    [{ ips: [{ address: '10.1.0.5/24', interface: -1 }] }, 'x: ips[0].interface: expected a number from 0 to 65535, got -1'],
    [{ routes: [{ gw: '10.1.0.1' }] }, 'x: routes[0].dst: is missing'],
    [{ routes: [{ dst: '0.0.0.0/0', scope: 256 }] }, 'x: routes[0].scope: expected a number from 0 to 255, got 256'],
    [{ interfaces: [{ name: 5 }] }, 'x: interfaces[0].name: expected a string, got 5'],
    [{ dns: { search: 'a' } }, 'x: dns.search: expected a list, got "a"'],
    [{ cniVersion: '0.2.0', ip4: {} }, 'x: ip4.ip: is missing'],
    [{ cniVersion: '0.2.0', ip4: { ip: '10.1.0.5/24', routes: [{}] } }, 'x: ip4.routes[0].dst: is missing'],
  ])('rejects %j', (json, message) => {
    expect(() => decodeResult(json, '1.0.0', 'x')).toThrow(expect.objectContaining({ code: 6, message }))
  })

  it('throws nothing but a CniError, whatever the JSON', () => {
    const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constant([{ address: '10.1.0.5/24', dst: '::/0', name: 'x' }]))
    const keys = fc.constantFrom('cniVersion', 'interfaces', 'ips', 'routes', 'dns', 'ip4', 'ip6')
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(keys, value)), fc.constantFrom(...cniVersions), (json, version) => {
        try {
          encodeResult(decodeResult(JSON.parse(JSON.stringify(json)) as Json, version, 'x'), version)
        } catch (error) {
          expect(error).toMatchObject({ name: 'CniError' })
        }
      }),
    )
  })
})

const octet = fc.nat(255)
const ipv4 = fc.tuple(octet, octet, octet, octet).map((bytes) => bytes.join('.'))
const ipv6 = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }).map((groups) => groups.map((group) => group.toString(16)).join(':'))
const cidr = fc.oneof(
  fc.tuple(ipv4, fc.nat(32)).map((parts) => parts.join('/')),
  fc.tuple(ipv6, fc.nat(128)).map((parts) => parts.join('/')),
)
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const word = fc.string({ minLength: 1, maxLength: 8 })
const anyResult = fc.record({
  interfaces: fc.array(
    fc.record({ name: word, mac: optional(word), mtu: optional(fc.integer({ min: 1, max: 65535 })), sandbox: optional(word) }),
    { maxLength: 3 },
  ),
  ips: fc.array(fc.record({ address: cidr, gateway: optional(fc.oneof(ipv4, ipv6)), interface: optional(fc.nat(9)) }), { maxLength: 4 }),
  routes: fc.array(
    fc.record({ dst: cidr, gw: optional(ipv4), mtu: optional(fc.integer({ min: 1, max: 9000 })), table: optional(fc.nat(254)) }),
    { maxLength: 4 },
  ),
  dns: fc.record({ nameservers: optional(fc.array(word, { minLength: 1, maxLength: 3 })), domain: optional(word) }),
})

describe('a result after a round trip', () => {
  it.each(modern)('is the same text again in %s', (version) => {
    fc.assert(
      fc.property(anyResult, (json) => {
        const result = decodeResult(JSON.parse(JSON.stringify(json)) as Json, '1.1.0', 'x')
        const once = encodeResult(result, version)
        expect(encodeResult(decodeResult(JSON.parse(once) as Json, '1.1.0', 'x'), version)).toBe(once)
      }),
    )
  })

  it.each(['0.1.0', '0.2.0'] as const)('is the same text again in %s where it has an address', (version) => {
    fc.assert(
      fc.property(anyResult, cidr, (json, address) => {
        const result = decodeResult(JSON.parse(JSON.stringify({ ...json, ips: [...json.ips, { address }] })) as Json, '1.1.0', 'x')
        const once = encodeResult(result, version)
        expect(encodeResult(decodeResult(JSON.parse(once) as Json, '1.1.0', 'x'), version)).toBe(once)
      }),
    )
  })

  it.each(cniVersions.flatMap((from) => cniVersions.map((to) => [from, to] as const)))(
    'gives the same from %s to %s as directly',
    (from, to) => {
      // What the poorer of the two has a place for survives.
      const poorer = cniVersions[Math.min(cniVersions.indexOf(from), cniVersions.indexOf(to))] ?? '0.1.0'
      const through = decodeResult(JSON.parse(encodeResult(full, from)) as Json, from, 'x')
      const there = decodeResult(JSON.parse(encodeResult(through, to)) as Json, to, 'x')
      expect(encodeResult(there, poorer)).toBe(encodeResult(full, poorer))
    },
  )
})

describe('readPrevious', () => {
  const issuesOf = (json: { [key: string]: Json }, version: CniVersion) => {
    const reader = new Reader(json)
    readPrevious(reader, version)
    return reader.issues
  }

  it.each([
    [undefined, '0.4.0'],
    ['', '1.0.0'],
    ['0.3.0', '0.4.0'],
    ['0.4.0', '0.3.1'],
    ['1.0.0', '1.1.0'],
    ['1.1.0', '1.0.0'],
  ] as const)('takes cniVersion %j in a configuration of %s', (named, version) => {
    expect(issuesOf(named === undefined ? {} : { cniVersion: named }, version)).toEqual([])
  })

  it.each([
    ['0.4.0', '1.0.0', 'expected one of 1.0.0, 1.1.0 because the configuration is 1.0.0, got "0.4.0"'],
    ['1.0.0', '0.4.0', 'expected one of 0.3.0, 0.3.1, 0.4.0 because the configuration is 0.4.0, got "1.0.0"'],
    ['0.2.0', '0.3.0', 'expected one of 0.3.0, 0.3.1, 0.4.0 because the configuration is 0.3.0, got "0.2.0"'],
    ['x', '1.1.0', 'expected one of 1.0.0, 1.1.0 because the configuration is 1.1.0, got "x"'],
  ] as const)('rejects cniVersion %j in a configuration of %s', (named, version, problem) => {
    expect(issuesOf({ cniVersion: named }, version)).toEqual([`cniVersion: ${problem}`])
  })
})

describe('readRoute and readDns', () => {
  it('read what an IPAM configuration has', () => {
    const ipam = new Reader({ routes: [{ DST: '0.0.0.0/0', gw: '' }], dns: { Domain: 'x', nameservers: null } })
    expect(ipam.objects('routes', readRoute)).toMatchObject([{ dst: { length: 0 }, gw: undefined }])
    expect(ipam.object('dns', readDns)).toMatchObject({ domain: 'x', nameservers: undefined })
    expect(ipam.issues).toEqual([])
  })
})
