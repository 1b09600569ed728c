// The tables that a run of all suites writes.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { record, suiteRow, tallyOf, totalRow } from './record.ts'
import type { Report, Verdict } from './verdict.ts'

const report = (Ran: readonly string[]): Report => ({ Name: 'a', State: 'passed', Message: '', Seconds: 0, Ran })
const verdict: Verdict = {
  passed: [report(['ptp']), report(['ptp', 'longer-message'])],
  whiteBox: [report([])],
  skipped: [{ report: report([]), reason: 'no vlan' }],
  differs: [
    { report: report([]), reason: 'on purpose' },
    { report: report([]), reason: 'on purpose' },
  ],
  problems: ['one'],
}
const results = [
  { name: 'ptp', verdict, seconds: 1.26 },
  { name: 'sbr', verdict, seconds: 1 },
]

describe('rows', () => {
  it('counts each kind in its column', () => {
    expect(suiteRow({ name: 'ptp', verdict, seconds: 1.26 })).toBe('| ptp | 2 | 1 | 2 | 1 | 1 | 1 | 1.3 |')
    expect(totalRow(results)).toBe('| all | 4 | 2 | 4 | 2 | 2 | 2 | 2.3 |')
  })

  it('tallies what passed, failed and was skipped', () => {
    expect(tallyOf([verdict, verdict])).toEqual({ passed: 4, failed: 2, skipped: 2 })
  })
})

it('record fills the tables of the page, twice the same', () => {
  const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8')
  const facts = { date: '2026-11-28', commit: 'abc1234', lacking: new Set(['vlan', 'vrf']) }
  const recorded = record(page, results, facts)
  expect(recorded).toContain('| 2026-11-28 | abc1234 | `make upstream-tests` | vlan, vrf |')
  expect(recorded).toContain('| all | 4 | 2 | 4 | 2 | 2 | 2 | 2.3 |')
  expect(recorded).toContain('| ptp | 2 | on purpose |')
  expect(recorded).toContain('| sbr | 1 | no vlan |')
  expect(record(recorded, results, facts)).toBe(recorded)
})
