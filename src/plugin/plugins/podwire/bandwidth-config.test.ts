import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../cni/json.ts'
import { Reader } from '../../../cni/reader.ts'
import { readBandwidth } from './bandwidth-config.ts'

const MAX = 2 ** 32 - 1
const read = (config: JsonObject) => {
  const reader = new Reader(config)
  return { bandwidth: readBandwidth(reader), issues: reader.issues }
}
const runtime = (bandwidth: JsonObject) => read({ runtimeConfig: { bandwidth } })
const none = { bandwidth: undefined, issues: [] }

describe('readBandwidth()', () => {
  it.each([
    ['nothing is said', {}],
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

  it('reads either direction in bytes when a runtime sends bits, in any case of letters', () => {
    expect(runtime({ IngressRate: 8e6, IngressBurst: 80_000, EGRESSRATE: 16e6 }).bandwidth).toEqual({
      ingress: { rate: 1e6, burst: 10_000 },
      egress: { rate: 2e6, burst: 100_000 },
      latency: 25,
    })
    expect(runtime({ egressRate: 1e6, egressBurst: 8, ingressRate: 0, ingressBurst: MAX }).bandwidth).toEqual({
      ingress: undefined,
      egress: { rate: 125_000, burst: 1 },
      latency: 25,
    })
  })

  it('keeps a burst to what passes in 50 ms when a runtime sends the largest number there is', () => {
    for (const burst of [MAX, 2 ** 31 - 1, 8 * MAX - 1, 8 * MAX, 2 ** 63, undefined]) {
      const { bandwidth } = runtime({ ingressRate: 10e6, ...(burst && { ingressBurst: burst }) })
      expect(bandwidth?.ingress).toEqual({ rate: 1.25e6, burst: 62_500 })
    }
    expect(runtime({ ingressRate: 1e15, ingressBurst: MAX }).bandwidth?.ingress).toEqual({ rate: 1.25e14, burst: MAX / 8 + 0.125 })
    expect(runtime({ ingressRate: 1e15 }).bandwidth?.ingress).toEqual({ rate: 1.25e14, burst: MAX })
  })

  it('takes the network’s own burst and latency as they stand', () => {
    expect(read({ bandwidth: { egressRate: 8e6, egressBurst: 8e9, latency: 5 } }).bandwidth).toEqual({
      ingress: undefined,
      egress: { rate: 1e6, burst: 1e9 },
      latency: 5,
    })
  })

  it('holds the lower rate of each direction when both have one', () => {
    const config = {
      bandwidth: { ingressRate: 8e6, egressRate: 8e6, latency: 10 },
      runtimeConfig: { bandwidth: { ingressRate: 80e6, ingressBurst: MAX, egressRate: 4e6, egressBurst: MAX } },
    }
    expect(read(config).bandwidth).toEqual({ ingress: { rate: 1e6, burst: 50_000 }, egress: { rate: 5e5, burst: 25_000 }, latency: 10 })
  })

  it.each([
    ['a negative rate', { ingressRate: -1 }, 'ingressRate: expected a number from 0 to 1000000000000000, got -1'],
    ['text', { egressRate: '10M' }, 'egressRate: expected a whole number, got "10M"'],
    ['half a bit', { egressRate: 1000.5 }, 'egressRate: expected a whole number, got 1000.5'],
    ['a rate of less than 1 kbit/s', { ingressRate: 999 }, 'ingressRate: expected 0 for no limit, or at least 1000 bit/s, got 999'],
    ['a rate beyond 1 Pbit/s', { egressRate: 1e15 + 1 }, 'egressRate: expected a number from 0 to 1000000000000000, got 1000000000000001'],
    ['a negative burst', { ingressRate: 1e6, ingressBurst: -1 }, 'ingressBurst: expected a number from 0 to 9007199254740991, got -1'],
    ['a burst as text', { egressRate: 1e6, egressBurst: '1' }, 'egressBurst: expected a whole number, got "1"'],
  ])('names the path when there is %s', (_, bandwidth, problem) => {
    expect(runtime(bandwidth).issues).toEqual([`runtimeConfig.bandwidth.${problem}`])
    expect(read({ bandwidth }).issues).toContain(`bandwidth.${problem}`)
  })

  it('tells the path of a burst of 4 GB that somebody chose', () => {
    expect(read({ bandwidth: { egressRate: 1e6, egressBurst: 8 * MAX } }).issues).toEqual([
      'bandwidth.egressBurst: expected fewer than 4 GB (34359738359 bits), got 34359738360',
    ])
  })

  it.each([
    ['bandwidth', 'fast', 'bandwidth: expected an object, got "fast"'],
    ['bandwidth', { latency: 0 }, 'bandwidth.latency: expected a number from 1 to 10000, got 0'],
    ['bandwidth', { latency: '5ms' }, 'bandwidth.latency: expected a whole number, got "5ms"'],
    ['bandwidth', { ingressBurst: 8 }, 'bandwidth.ingressBurst: needs ingressRate beside it'],
    ['runtimeConfig', { bandwidth: [] }, 'runtimeConfig.bandwidth: expected an object, got []'],
  ])('reports every problem of %s %j', (key, value, problem) => {
    expect(read({ [key]: value }).issues).toEqual([problem])
  })
})
