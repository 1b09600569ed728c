import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { poolUse } from './pool.ts'

const dir = mkdtempSync(join(tmpdir(), 'podwire-pool-'))
afterAll(() => rmSync(dir, { recursive: true }))

describe('the use of a pool', () => {
  it('counts leases by podCIDR, and only leases', async () => {
    mkdirSync(join(dir, 'leases/podwire/.owners-1'), { recursive: true })
    mkdirSync(join(dir, 'leases/other'))
    for (const name of ['10.1.0.2', '10.1.0.3', 'fd00::2', '10.2.0.2', 'last_reserved_ip.0', 'lock', '.10.1.0.9.new']) {
      writeFileSync(join(dir, 'leases/podwire', name), 'x')
    }
    writeFileSync(join(dir, 'leases/other/10.1.0.77'), 'x')
    expect(await poolUse(dir, ['10.1.0.0/24', 'fd00::/120', 'nonsense', '10.1.0.0/30'])).toEqual([
      { podCidr: '10.1.0.0/24', size: 253, used: 3 },
      { podCidr: 'fd00::/120', size: 254, used: 1 },
      { podCidr: '10.1.0.0/30', size: 1, used: 2 },
    ])
  })

  it('is zero when there are no leases', async () => {
    expect(await poolUse(join(dir, 'absent'), ['10.1.0.0/24'])).toEqual([{ podCidr: '10.1.0.0/24', size: 253, used: 0 }])
  })
})
