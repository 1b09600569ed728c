import { describe, expect, it } from 'vitest'
import { completeOptions } from '../driver.ts'
import { count, record, type Summary } from './record.ts'

const summary: Summary = {
  cluster: 'namespaces',
  version: 'v1.36.3',
  options: completeOptions({ families: 'dual', proxy: 'iptables' }),
  subset: 'all',
  passed: 100,
  failed: 1,
  skipped: 3,
  reasons: { 'needs a cloud': 1, 'no | such\nthing': 2 },
  minutes: 31,
  date: '2026-11-28',
  commit: 'abc1234',
}
const page = `# Page

<!-- results namespaces -->
| head |
|---|
| v1.36.3 | v4 | nftables | all | 99 | 0 | 0 | 1 | 2026-11-27 | 0000000 | \`make conformance\` |

text

<!-- skipped namespaces dual -->
| tests | reason |
|---|---|
| 9 | old |
`

describe('record', () => {
  it('adds the row of a run and replaces the reasons', () => {
    expect(record(page, summary)).toBe(`# Page

<!-- results namespaces -->
| head |
|---|
| v1.36.3 | v4 | nftables | all | 99 | 0 | 0 | 1 | 2026-11-27 | 0000000 | \`make conformance\` |
| v1.36.3 | dual | iptables | all | 100 | 1 | 3 | 31 | 2026-11-28 | abc1234 | \`make conformance FAMILIES=dual PROXY=iptables\` |

text

<!-- skipped namespaces dual -->
| tests | reason |
|---|---|
| 2 | no \\| such thing |
| 1 | needs a cloud |
`)
  })

  it('replaces the row of an earlier run of the same command', () => {
    const twice = record(record(page, summary), { ...summary, passed: 101, failed: 0 })
    expect(twice).toContain('| v1.36.3 | dual | iptables | all | 101 | 0 | 3 |')
    expect(twice).not.toContain('| all | 100 | 1 |')
  })

  it('leaves the reasons when only some tests were run', () => {
    expect(record(page, { ...summary, subset: 'conformance' })).toContain('| 9 | old |')
  })

  it('rejects a page without the table', () => {
    expect(() => record(page, { ...summary, cluster: 'kind' })).toThrow('no table for "results kind"')
  })
})

describe('count', () => {
  it('counts by state, and skipped ones by reason', () => {
    const results = [
      { test: 'a', state: 'passed', message: '', seconds: 1 },
      { test: 'b', state: 'failed', message: 'why', seconds: 1 },
      { test: 'c', state: 'skipped', message: 'needs ssh', seconds: 0 },
    ] as const
    expect(count(results, [{ test: 'd', reason: 'needs a cloud' }])).toEqual({
      passed: 1,
      failed: 1,
      skipped: 2,
      reasons: { 'needs a cloud': 1, 'the test itself: needs ssh': 1 },
    })
  })
})
