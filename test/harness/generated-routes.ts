// Networks made at random: addresses and routes in all the forms that a configuration can give them, the odd ones included.

import fc from 'fast-check'
import { attachers } from './attachers.ts'

export interface GeneratedRoute {
  readonly dst: string
  readonly gw?: string
  readonly priority?: number
  readonly table?: number
  readonly scope?: number
  readonly mtu?: number
  readonly advmss?: number
}

export interface Generated {
  readonly kind: string
  readonly keys: {
    readonly cniVersion: string
    readonly mtu?: number
    readonly ipam: { readonly type: string; readonly routes: readonly GeneratedRoute[] }
  }
}

/** How many networks a test tries: a few in `make test`, the same ones each time; RUNS of them at random, or by SEED. */
export function runs(few: number): fc.Parameters<unknown> {
  const { RUNS, SEED } = process.env
  if (!RUNS) return { numRuns: few, seed: Number(SEED ?? 1) }
  return { numRuns: Number(RUNS), ...(SEED && { seed: Number(SEED) }) }
}

/** Absent more often than not. */
const rarely = <T>(...values: readonly T[]) => fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 })

const route = (family: 4 | 6): fc.Arbitrary<GeneratedRoute> =>
  fc
    .record({
      dst:
        family === 4
          ? fc.constantFrom(
              '0.0.0.0/0',
              '10.5.0.0/16',
              '10.5.7.9/16',
              '10.6.0.1/32',
              '10.1.0.0/24',
              '10.1.0.1/32',
              '10.1.0.128/25',
              '224.0.0.0/4',
            )
          : fc.constantFrom(
              '::/0',
              'fd05::/64',
              'fd05::7/64',
              'fd06::1/128',
              'fd00:1::/64',
              'fd00:1::1/128',
              'fd00:1::8000/113',
              '2000::/3',
            ),
      gw:
        family === 4
          ? rarely('10.1.0.1', '10.1.0.9', '10.99.0.1', '0.0.0.0', '10.6.0.1')
          : rarely('fd00:1::1', 'fd00:1::9', 'fd99::1', '::', 'fe80::9', 'fd06::1'),
      priority: rarely(0, 1, 256, 1024, 4294967295),
      table: rarely(0, 100, 254, 4000),
      scope: rarely(0, 200, 253, 254),
      mtu: rarely(0, 1300, 65535),
      advmss: rarely(0, 1200),
    })
    // Kept out of the JSON where absent.
    .map((made) => JSON.parse(JSON.stringify(made)))

const address = (family: 4 | 6): fc.Arbitrary<object> =>
  family === 4
    ? fc.constantFrom(
        { address: '10.1.0.2/24', gateway: '10.1.0.1' },
        { address: '10.1.0.2/24' },
        { address: '10.1.0.2/32', gateway: '10.1.0.1' },
        { address: '10.1.0.2/30', gateway: '10.1.0.1' },
      )
    : fc.constantFrom(
        { address: 'fd00:1::2/64', gateway: 'fd00:1::1' },
        { address: 'fd00:1::2/64' },
        { address: 'fd00:1::2/64', gateway: 'fe80::1' },
        { address: 'fd00:1::2/128', gateway: 'fd00:1::1' },
      )

const second = fc.constantFrom<readonly object[]>(
  [],
  [],
  [],
  [{ address: '10.1.0.3/24', gateway: '10.1.0.1' }],
  [{ address: '10.2.0.2/24', gateway: '10.2.0.1' }],
  [{ address: 'fd00:2::2/64', gateway: 'fd00:2::1' }],
)

const staticIpam = fc
  .tuple(fc.option(address(4), { freq: 4, nil: undefined }), fc.option(address(6), { freq: 2, nil: undefined }), second)
  .filter(([v4, v6]) => v4 !== undefined || v6 !== undefined)
  .map(([v4, v6, more]) => ({ type: 'static', addresses: [...(v4 ? [v4] : []), ...(v6 ? [v6] : []), ...more] }))

const hostLocal = fc
  .subarray([[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }], [{ subnet: '10.2.0.0/24' }]], { minLength: 1 })
  .map((ranges) => ({ type: 'host-local', ranges, dataDir: '/run/leases' }))

/** A network of one of these kinds of plugin (`attachers`), with as many routes at most. */
export function generatedNetwork(kinds: readonly string[] = Object.keys(attachers), maxLength = 6): fc.Arbitrary<Generated> {
  const routes = fc.array(fc.oneof(route(4), route(6)), { maxLength })
  return fc
    .tuple(
      fc.constantFrom(...kinds),
      fc.oneof(staticIpam, hostLocal),
      routes,
      fc.constantFrom('0.4.0', '1.0.0', '1.1.0'),
      rarely(1300, 9000),
    )
    .map(([kind, ipam, list, cniVersion, mtu]) => ({
      kind,
      keys: { cniVersion, ...(mtu && !kind.includes('vlan') && { mtu }), ipam: { ...ipam, routes: list } },
    }))
}
