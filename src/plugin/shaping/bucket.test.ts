import { describe, expect, it } from 'vitest'
import { ifbName } from '../link/owner.ts'
import { bucketOf, referenceBuckets } from './bucket.ts'

describe('bucketOf()', () => {
  it.each([
    [
      'holds the latency and the burst when it is a pod’s usual limit',
      { rate: 1.25e6, burst: 62_500 },
      25,
      { burst: 62_500, limit: 93_750 },
    ],
    [
      'has a queue of the latency and one packet of the largest size when the burst is larger',
      { rate: 1.25e8, burst: 6.25e6 },
      10,
      { burst: 6.25e6, limit: 1_315_536 },
    ],
    ['holds one packet when the burst is smaller', { rate: 1.25e6, burst: 10 }, 25, { burst: 3044, limit: 34_294 }],
    ['a burst that lasts longer than the kernel can count is cut', { rate: 125, burst: 0xffffffff }, 25, { burst: 33_750, limit: 33_754 }],
    ['has a queue of 32 bits when the rate would need more', { rate: 1.25e14, burst: 1e9 }, 10_000, { burst: 1e9, limit: 0xffffffff }],
  ])('%s', (_, limit, latency, { burst, limit: queue }) => {
    expect(bucketOf(limit, latency, 1500)).toEqual({ rate: limit.rate, burst, limit: queue })
  })

  it.each([
    [
      'is the reference plugin’s when there is no latency',
      { rate: 1.25e6, burst: 125_000 },
      undefined,
      { burst: 125_000, limit: 156_250, buffer: 1_562_500 },
    ],
    ['holds one packet when the reference plugin’s would not', { rate: 1000, burst: 10 }, undefined, { burst: 3044, limit: 3069 }],
    [
      'fits the kernel’s counter when the burst lasts minutes',
      { rate: 1000, burst: 1e9 },
      undefined,
      { burst: 270_000, limit: 270_025, buffer: 4_218_750_000 },
    ],
    ['has a short queue when there is a latency', { rate: 12.5e6, burst: 6.25e6 }, 10, { burst: 6_250_000, limit: 190_536 }],
  ])('%s', (_, limit, latency, bucket) => {
    expect(bucketOf(limit, latency, 1500)).toMatchObject(bucket)
  })
})

describe('referenceBuckets()', () => {
  it.each([
    [
      { rate: 1000, burst: 10 },
      { rate: 1000, burst: 10, limit: 35, buffer: 156_250 },
    ],
    [
      { rate: 1, burst: 1 },
      { rate: 1, burst: 1, limit: 1, buffer: 15_625_000 },
    ],
    [
      { rate: 2, burst: 1 },
      { rate: 2, burst: 1, limit: 1, buffer: 7_812_500 },
    ],
    [
      { rate: 1.25e6, burst: 125_000 },
      { rate: 1.25e6, burst: 125_000, limit: 156_250, buffer: 1_562_500 },
    ],
  ])('are what the reference plugin sets when the limit is %j', (limit, bucket) => {
    expect(referenceBuckets(limit)).toEqual([bucket, bucket])
  })

  it('have the runtime’s burst when none is configured', () => {
    const limit = { rate: 1e6, burst: 5e4, filledIn: 2 ** 28 - 1 }
    expect(referenceBuckets(limit)).toEqual(referenceBuckets({ rate: 1e6, burst: 2 ** 28 - 1 }))
  })
})

describe('ifbName()', () => {
  it('has 15 characters, and differs when a part of the attachment differs', () => {
    const attachment = { network: 'net', containerId: 'c'.repeat(300), ifname: 'eth0' }
    const names = [
      attachment,
      { ...attachment, network: 'other' },
      { ...attachment, containerId: 'd' },
      { ...attachment, ifname: 'eth1' },
    ].map(ifbName)
    expect(new Set(names).size).toBe(4)
    for (const name of names) expect(name).toMatch(/^bwp[0-9a-f]{12}$/)
  })
})
