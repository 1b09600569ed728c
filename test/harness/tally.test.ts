import { describe, expect, it } from 'vitest'
import { addTallies, formatTally, gateTally, vitestTally } from './tally.ts'

const file = (status: string, ...tests: string[]) => ({ status, assertionResults: tests.map((test) => ({ status: test })) })
const report = (...testResults: unknown[]) => JSON.stringify({ testResults })

describe('vitestTally', () => {
  it.each([
    ['all passed', report(file('passed', 'passed', 'passed')), true, [2, 0, 0]],
    ['some failed', report(file('failed', 'passed', 'failed'), file('passed', 'passed')), false, [2, 1, 0]],
    ['some were skipped or to be done', report(file('passed', 'passed', 'skipped', 'pending', 'todo')), true, [1, 0, 3]],
    ['a file did not load', report(file('passed', 'passed'), file('failed')), false, [1, 1, 0]],
    ['a hook failed', report(file('failed', 'passed', 'skipped')), false, [1, 1, 1]],
    ['an error came from outside the tests', report(file('passed', 'passed')), false, [1, 1, 0]],
    ['nothing ran', report(), true, [0, 1, 0]],
    ['everything was skipped', report(file('passed', 'skipped')), true, [0, 1, 1]],
    ['there is no report', undefined, true, [0, 1, 0]],
    ['the report is cut off', '{"testResults":[', true, [0, 1, 0]],
  ])('counts right when %s', (_what, text, ok, [passed, failed, skipped]) => {
    expect(vitestTally(text, ok)).toEqual({ passed, failed, skipped })
  })
})

describe('formatTally', () => {
  it('names what was skipped only when something was', () => {
    expect(formatTally(addTallies([gateTally(true), gateTally(false), { passed: 5, failed: 0, skipped: 0 }]))).toBe('6 passed, 1 failed')
    expect(formatTally(addTallies([gateTally(true), { passed: 1, failed: 0, skipped: 2 }]))).toBe('2 passed, 0 failed, 2 skipped')
  })
})
