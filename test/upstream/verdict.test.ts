// How a test's end is counted: what passes though it is listed, and what is listed and does not exist, fails the run.

import { describe, expect, it } from 'vitest'
import { parseExpected } from './expected.ts'
import { judge, type Report } from './verdict.ts'

const report = (Name: string, State: string, Ran: string[] | null = ['bridge']): Report => ({
  Name,
  State,
  Message: 'why',
  Seconds: 0,
  Ran,
})
const list = parseExpected(
  ['bridge | differs | a | on purpose', 'bridge | white-box | b | its own variable', 'bridge | needs:vlan | c [*] | no vlan'].join('\n'),
)
const ended = (state: string) => [report('a', state), report('b', state), report('c [1.0.0]', state)]
const none: ReadonlySet<string> = new Set()

describe('judge', () => {
  it('counts what passed with a podwire program as passed, and without one as white box', () => {
    const verdict = judge(['bridge'], [report('d', 'passed'), report('e', 'passed', ['host-local']), report('f', 'passed', null)], [], none)
    expect(verdict).toMatchObject({ passed: [{ Name: 'd' }], whiteBox: [{ Name: 'e' }, { Name: 'f' }], problems: [] })
  })

  it('explains what fails as the list has it', () => {
    const verdict = judge(['bridge'], ended('failed'), list, new Set(['vlan']))
    expect(verdict).toMatchObject({
      passed: [],
      differs: [{ report: { Name: 'a' }, reason: 'on purpose' }],
      whiteBox: [{ Name: 'b' }],
      skipped: [{ report: { Name: 'c [1.0.0]' }, reason: 'no vlan' }],
      problems: [],
    })
  })

  it('reports a listed test that passes', () => {
    expect(judge(['bridge'], ended('passed'), list, new Set(['vlan'])).problems).toHaveLength(3)
  })

  it('expects a test to pass when the machine has what it needs', () => {
    const reports = [report('a', 'failed'), report('b', 'failed'), report('c [1.0.0]', 'passed')]
    expect(judge(['bridge'], reports, list, none)).toMatchObject({ passed: [{ Name: 'c [1.0.0]' }], problems: [] })
    expect(judge(['bridge'], ended('failed'), list, none).problems).toEqual(['c [1.0.0]: why'])
  })

  it('reports a test that fails and is not listed, and a line that names no test', () => {
    expect(judge(['bridge'], [report('d', 'panicked')], list.slice(0, 1), none).problems).toEqual([
      'd: why',
      'line 1 of the list names no test: a',
    ])
  })

  it("leaves what the suite itself skips out of the list's reach", () => {
    const skipped = { ...report('a', 'skipped'), Message: '' }
    expect(judge(['bridge'], [skipped], list.slice(0, 1), none)).toMatchObject({
      skipped: [{ reason: 'skipped by the suite' }],
      problems: [],
    })
  })
})
