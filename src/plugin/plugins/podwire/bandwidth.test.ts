import { describe, expect, it } from 'vitest'
import { ifbName } from '../../link/owner.ts'
import { bucketFor } from './bandwidth.ts'

describe('bucketFor()', () => {
  it.each([
    ['the queue holds the latency and the burst', { rate: 1.25e6, burst: 62_500 }, 25, { burst: 62_500, limit: 93_750 }],
    ['the queue holds no more than the largest packet besides', { rate: 1.25e8, burst: 6.25e6 }, 10, { burst: 6.25e6, limit: 1_315_536 }],
    ['a burst smaller than a packet is enlarged', { rate: 1.25e6, burst: 10 }, 25, { burst: 3044, limit: 34_294 }],
    ['a burst that lasts longer than the kernel can count is cut', { rate: 125, burst: 0xffffffff }, 25, { burst: 33_750, limit: 33_754 }],
    ['the queue is no longer than 32 bits can say', { rate: 1.25e14, burst: 1e9 }, 10_000, { burst: 1e9, limit: 0xffffffff }],
  ])('%s', (_, limit, latency, { burst, limit: queue }) => {
    expect(bucketFor(limit, latency, 1500)).toEqual({ rate: limit.rate, burst, limit: queue })
  })
})

describe('ifbName()', () => {
  it('is a device’s name of 15 characters, another one for each part of the attachment', () => {
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
