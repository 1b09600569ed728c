import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../cni/json.ts'
import { Reader } from '../../cni/reader.ts'
import { readBandwidth, readChainedBandwidth } from './bandwidth-config.ts'

const MAX = 2 ** 32 - 1
const read = (config: JsonObject) => {
  const reader = new Reader(config)
  return { bandwidth: readBandwidth(reader), issues: reader.issues }
}
const runtime = (bandwidth: JsonObject) => read({ runtimeConfig: { bandwidth } })
const none = { bandwidth: undefined, issues: [] }

describe('readBandwidth()', () => {
  it.each([
    ['nothing is set', {}],
    ['runtimeConfig has no bandwidth', { runtimeConfig: { mac: '0a:58:0a:00:00:01' } }],
    ['bandwidth is null', { bandwidth: null, runtimeConfig: { bandwidth: null } }],
    [
      'every rate is 0, with the burst that runtimes send',
      { runtimeConfig: { bandwidth: { ingressRate: 0, ingressBurst: MAX, egressRate: 0 } } },
    ],
    ['only a latency is set', { bandwidth: { latency: 5 } }],
  ])('is undefined when %s', (_, config) => {
    expect(read(config)).toEqual(none)
  })

  it('has both directions in bytes when a runtime sends bits, in any case of letters', () => {
    expect(runtime({ IngressRate: 8e6, IngressBurst: 80_000, EGRESSRATE: 16e6 }).bandwidth).toMatchObject({
      ingress: { rate: 1e6, burst: 10_000 },
      egress: { rate: 2e6, burst: 100_000 },
      latency: 25,
    })
    expect(runtime({ egressRate: 1e6, egressBurst: 8, ingressRate: 0, ingressBurst: MAX }).bandwidth).toMatchObject({
      ingress: undefined,
      egress: { rate: 125_000, burst: 1 },
      latency: 25,
    })
  })

  it('cuts a burst to 50 ms at the rate when a runtime sends the largest number', () => {
    for (const burst of [MAX, 2 ** 31 - 1, 8 * MAX - 1, 8 * MAX, 2 ** 63, undefined]) {
      const { bandwidth } = runtime({ ingressRate: 10e6, ...(burst && { ingressBurst: burst }) })
      expect(bandwidth?.ingress).toMatchObject({ rate: 1.25e6, burst: 62_500 })
    }
    expect(runtime({ ingressRate: 1e15, ingressBurst: MAX }).bandwidth?.ingress).toMatchObject({ rate: 1.25e14, burst: (MAX - 7) / 8 })
    expect(runtime({ ingressRate: 1e15 }).bandwidth?.ingress).toEqual({ rate: 1.25e14, burst: MAX })
  })

  it('takes the network’s own burst and latency unchanged when the network sets them', () => {
    expect(read({ bandwidth: { egressRate: 8e6, egressBurst: 8e9, latency: 5 } }).bandwidth).toEqual({
      ingress: undefined,
      egress: { rate: 1e6, burst: 1e9 },
      latency: 5,
    })
  })

  it('has the lower rate of each direction when both sources have one', () => {
    const config = {
      bandwidth: { ingressRate: 8e6, egressRate: 8e6, latency: 10 },
      runtimeConfig: { bandwidth: { ingressRate: 80e6, ingressBurst: MAX, egressRate: 4e6, egressBurst: MAX } },
    }
    expect(read(config).bandwidth).toMatchObject({
      ingress: { rate: 1e6, burst: 50_000 },
      egress: { rate: 5e5, burst: 25_000 },
      latency: 10,
    })
  })

  it.each([
    ['a negative rate', { ingressRate: -1 }, 'ingressRate: expected a number from 0 to 1000000000000000, got -1'],
    ['text', { egressRate: '10M' }, 'egressRate: expected a whole number, got "10M"'],
    ['half a bit', { egressRate: 1000.5 }, 'egressRate: expected a whole number, got 1000.5'],
    ['a rate of less than 1 kbit/s', { ingressRate: 999 }, 'ingressRate: expected 0 for no limit, or at least 1000 bit/s, got 999'],
    ['a rate beyond 1 Pbit/s', { egressRate: 1e15 + 1 }, 'egressRate: expected a number from 0 to 1000000000000000, got 1000000000000001'],
    ['a negative burst', { ingressRate: 1e6, ingressBurst: -1 }, 'ingressBurst: expected a number from 0 to 9007199254740991, got -1'],
    ['a burst as text', { egressRate: 1e6, egressBurst: '1' }, 'egressBurst: expected a whole number, got "1"'],
  ])('reports the path when there is %s', (_, bandwidth, problem) => {
    expect(runtime(bandwidth).issues).toEqual([`runtimeConfig.bandwidth.${problem}`])
    expect(read({ bandwidth }).issues).toContain(`bandwidth.${problem}`)
  })

  it('reports the path when the network chose a burst of 4 GB', () => {
    expect(read({ bandwidth: { egressRate: 1e6, egressBurst: 8 * MAX } }).issues).toEqual([
      'bandwidth.egressBurst: burst cannot be more than 4GB, got 34359738360 bits',
    ])
  })

  it.each([
    ['bandwidth', 'fast', 'bandwidth: expected an object, got "fast"'],
    ['bandwidth', { latency: 0 }, 'bandwidth.latency: expected a number from 1 to 10000, got 0'],
    ['bandwidth', { latency: '5ms' }, 'bandwidth.latency: expected a whole number, got "5ms"'],
    ['bandwidth', { ingressBurst: 8 }, 'bandwidth.ingressBurst: if burst is set, rate must also be set'],
    ['runtimeConfig', { bandwidth: [] }, 'runtimeConfig.bandwidth: expected an object, got []'],
  ])('reports every problem when %s is %j', (key, value, problem) => {
    expect(read({ [key]: value }).issues).toEqual([problem])
  })
})

const both = (rate: unknown, burst: unknown) => ({ ingressRate: rate, ingressBurst: burst })

const readChained = (config: object) => {
  const reader = new Reader(config as never)
  return { config: readChainedBandwidth(reader), issues: reader.issues }
}

describe('readChainedBandwidth()', () => {
  it.each([
    ['nothing', {}, undefined],
    ['null', both(null, null), undefined],
    ['zeros', both(0, 0), undefined],
    ['both at top level', both(8000, 80), { rate: 1000, burst: 10 }],
    ['both from the runtime', { runtimeConfig: { bandwidth: both(8000, 80) } }, { rate: 1000, burst: 10 }],
    ['another case', { RuntimeConfig: { bandWidth: { IngressRate: 8000, INGRESSBURST: 80 } } }, { rate: 1000, burst: 10 }],
    ['top level before the runtime', { ...both(8000, 80), runtimeConfig: { bandwidth: both(16, 16) } }, { rate: 1000, burst: 10 }],
    ['one key at top level hides the runtime', { egressRate: 0, runtimeConfig: { bandwidth: both(16, 16) } }, undefined],
    ['containerd’s burst', { runtimeConfig: { bandwidth: both(8e6, 2 ** 32 - 1) } }, { rate: 1e6, burst: 5e4, filledIn: 2 ** 29 - 1 }],
    ['the kubelet’s burst', { runtimeConfig: { bandwidth: both(8e6, 2 ** 31 - 1) } }, { rate: 1e6, burst: 5e4, filledIn: 2 ** 28 - 1 }],
    ['CRI-O’s burst', { runtimeConfig: { bandwidth: both(8e6, 8 * (2 ** 32 - 1) - 1) } }, { rate: 1e6, burst: 5e4 }],
    ['CRI-O’s burst before 1.20', { runtimeConfig: { bandwidth: both(8e6, 8 * (2 ** 32 - 1)) } }, { rate: 1e6, burst: 5e4 }],
    ['the largest number of 64 bits', { runtimeConfig: { bandwidth: both(8e6, 2 ** 63) } }, { rate: 1e6, burst: 5e4 }],
    ['a burst for a direction without a limit', { runtimeConfig: { bandwidth: both(0, 2 ** 32 - 1) } }, undefined],
    ['a large burst that the network chose', { runtimeConfig: { bandwidth: both(8e6, 4e9) } }, { rate: 1e6, burst: 5e8 }],
    ['the same at top level, chosen', both(8e6, 2 ** 32 - 1), { rate: 1e6, burst: 2 ** 29 - 1 }],
    ['the largest burst', both(1, 8 * (2 ** 32 - 1) - 1), { rate: 1, burst: 2 ** 32 - 2 }],
  ])('is in bytes when the configuration has %s', (_, config, ingress) => {
    expect(readChained(config)).toMatchObject({ config: { ingress, egress: undefined }, issues: [] })
  })

  it.each([
    [both(8, 0), 'ingressRate: if rate is set, burst must also be set'],
    [both(8, undefined), 'ingressRate: if rate is set, burst must also be set'],
    [both(0, 8), 'ingressBurst: if burst is set, rate must also be set'],
    [both(8, 8 * (2 ** 32 - 1)), `ingressBurst: burst cannot be more than 4GB, got ${8 * (2 ** 32 - 1)} bits`],
    [both('8', 8), 'ingressRate: expected a whole number, got "8"'],
    [both(-8, 8), `ingressRate: expected a number from 0 to ${Number.MAX_SAFE_INTEGER}, got -8`],
    [both(8, 1.5), 'ingressBurst: expected a whole number, got 1.5'],
    [both(8, 1e300), 'ingressBurst: expected a whole number, got 1e+300'],
    [{ latency: 0 }, 'latency: expected a number from 1 to 10000, got 0'],
    [{ runtimeConfig: { bandwidth: [] } }, 'runtimeConfig.bandwidth: expected an object, got []'],
    [{ runtimeConfig: { bandwidth: { egressRate: 8 } } }, 'runtimeConfig.bandwidth.egressRate: if rate is set, burst must also be set'],
  ])('reports the problem when the configuration is %j', (config, issue) => {
    expect(readChained(config).issues).toEqual([issue])
  })
})
