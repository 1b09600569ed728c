import { describe, expect, it } from 'vitest'
import { readReport, suiteFailures } from './report.ts'

const spec = (text: string, State: string, Message?: string) => ({
  ContainerHierarchyTexts: ['[sig-network] DNS'],
  LeafNodeText: text,
  LeafNodeType: 'It',
  State,
  RunTime: 2_500_000_000,
  ...(Message !== undefined && { Failure: { Message } }),
})
const report = (...specs: readonly object[]) => JSON.stringify([{ SpecReports: specs }])

describe('readReport', () => {
  it.each([
    ['passed', 'passed', undefined, 'passed', ''],
    ['a failure', 'failed', 'no answer', 'failed', 'no answer'],
    ['a test that skipped itself', 'skipped', 'needs a zone', 'skipped', 'needs a zone'],
    ['one that Ginkgo passed over', 'skipped', undefined, 'failed', 'it did not run (skipped)'],
    ['a limit of time', 'timedout', 'too long', 'failed', 'too long'],
  ])('reads %s', (_, state, given, expected, message) => {
    expect(readReport(report(spec('a', state, given)), ['[sig-network] DNS a'])).toEqual([
      { test: '[sig-network] DNS a', state: expected, message, seconds: 2.5 },
    ])
  })

  it('counts a test that the report lacks as failed', () => {
    expect(readReport(report(spec('a', 'passed')), ['[sig-network] DNS b'])).toEqual([
      { test: '[sig-network] DNS b', state: 'failed', message: 'it did not run (absent)', seconds: 0 },
    ])
  })
})

describe('suiteFailures', () => {
  it('names what failed before any test', () => {
    const setUp = {
      LeafNodeType: 'SynchronizedBeforeSuite',
      LeafNodeText: '',
      ContainerHierarchyTexts: null,
      Failure: { Message: 'no nodes' },
    }
    expect(suiteFailures(report(setUp, spec('a', 'failed', 'x')))).toEqual(['SynchronizedBeforeSuite: no nodes'])
  })
})
