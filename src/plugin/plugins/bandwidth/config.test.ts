import { describe, expect, it } from 'vitest'
import { Reader } from '../../../cni/reader.ts'
import { bucketOf, readBandwidthConfig, referenceBuckets } from './config.ts'

const read = (config: object) => {
  const reader = new Reader(config as never)
  return { config: readBandwidthConfig(reader), issues: reader.issues }
}
const both = (rate: unknown, burst: unknown) => ({ ingressRate: rate, ingressBurst: burst })

describe('readBandwidthConfig()', () => {
  it.each([
    ['nothing', {}, undefined],
    ['null', both(null, null), undefined],
    ['zeros', both(0, 0), undefined],
    ['both at top level', both(8000, 80), { rate: 8000, burst: 80 }],
    ['both from the runtime', { runtimeConfig: { bandwidth: both(8000, 80) } }, { rate: 8000, burst: 80 }],
    ['another case', { RuntimeConfig: { bandWidth: { IngressRate: 8000, INGRESSBURST: 80 } } }, { rate: 8000, burst: 80 }],
    ['top level before the runtime', { ...both(8000, 80), runtimeConfig: { bandwidth: both(16, 16) } }, { rate: 8000, burst: 80 }],
    ['one key at top level hides the runtime', { egressRate: 0, runtimeConfig: { bandwidth: both(16, 16) } }, undefined],
    ['containerd’s burst', { runtimeConfig: { bandwidth: both(8e6, 2 ** 32 - 1) } }, { rate: 8e6, burst: 4e5, filledIn: 2 ** 32 - 1 }],
    ['the kubelet’s burst', { runtimeConfig: { bandwidth: both(8e6, 2 ** 31 - 1) } }, { rate: 8e6, burst: 4e5, filledIn: 2 ** 31 - 1 }],
    ['CRI-O’s burst', { runtimeConfig: { bandwidth: both(8e6, 8 * (2 ** 32 - 1) - 1) } }, { rate: 8e6, burst: 4e5 }],
    ['CRI-O’s burst before 1.20', { runtimeConfig: { bandwidth: both(8e6, 8 * (2 ** 32 - 1)) } }, { rate: 8e6, burst: 4e5 }],
    ['the largest number of 64 bits', { runtimeConfig: { bandwidth: both(8e6, 2 ** 63) } }, { rate: 8e6, burst: 4e5 }],
    ['a burst for a direction without a limit', { runtimeConfig: { bandwidth: both(0, 2 ** 32 - 1) } }, undefined],
    ['a large burst that somebody chose', { runtimeConfig: { bandwidth: both(8e6, 4e9) } }, { rate: 8e6, burst: 4e9 }],
    ['the same at top level, chosen', both(8e6, 2 ** 32 - 1), { rate: 8e6, burst: 2 ** 32 - 1 }],
    ['the largest burst', both(1, 8 * (2 ** 32 - 1) - 1), { rate: 1, burst: 8 * (2 ** 32 - 1) - 1 }],
  ])('takes %s', (_, config, ingress) => {
    expect(read(config)).toMatchObject({ config: { ingress, egress: undefined }, issues: [] })
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
  ])('refuses %j', (config, issue) => {
    expect(read(config).issues).toEqual([issue])
  })
})

describe('a bucket', () => {
  it.each([
    [
      { rate: 8000, burst: 80 },
      { rate: 1000, burst: 10, limit: 35, buffer: 156_250 },
    ],
    [
      { rate: 8, burst: 8 },
      { rate: 1, burst: 1, limit: 1, buffer: 15_625_000 },
    ],
    [
      { rate: 16, burst: 8 },
      { rate: 2, burst: 1, limit: 1, buffer: 7_812_500 },
    ],
    [
      { rate: 10e6, burst: 1e6 },
      { rate: 1.25e6, burst: 125_000, limit: 156_250, buffer: 1_562_500 },
    ],
  ])('of the reference plugin for %j is what that sets', (limit, bucket) => {
    expect(referenceBuckets(limit)).toEqual([bucket, bucket])
  })

  it('of the reference plugin has the burst that the runtime filled in', () => {
    const limit = { rate: 8e6, burst: 4e5, filledIn: 2 ** 31 - 1 }
    expect(referenceBuckets(limit)).toEqual(referenceBuckets({ rate: 8e6, burst: 2 ** 31 - 1 }))
  })

  it.each([
    ['is the reference plugin’s', { rate: 10e6, burst: 1e6 }, undefined, { burst: 125_000, limit: 156_250, buffer: 1_562_500 }],
    ['lets a packet pass where the reference plugin’s would not', { rate: 8000, burst: 80 }, undefined, { burst: 3044, limit: 3069 }],
    ['fits the kernel’s counter', { rate: 8000, burst: 8e9 }, undefined, { burst: 270_000, limit: 270_025, buffer: 4_218_750_000 }],
    ['has a short queue with a latency', { rate: 100e6, burst: 50e6 }, 10, { burst: 6_250_000, limit: 190_536 }],
  ])('%s', (_, limit, latency, bucket) => {
    expect(bucketOf(limit, { latency }, 1500)).toMatchObject(bucket)
  })
})
