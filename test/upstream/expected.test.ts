// The list of tests that do not pass: its lines, and which tests they name.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { names, parseExpected } from './expected.ts'
import { suites } from './suites.ts'

describe('parseExpected', () => {
  it('reads a line, and passes over comments and empty lines', () => {
    expect(parseExpected('# why\n\nbridge | needs:vlan | bridge [*] vlan | no filtering\n')).toEqual([
      { line: 3, suite: 'bridge', kind: 'needs:vlan', test: 'bridge [*] vlan', reason: 'no filtering' },
    ])
  })

  it.each(['bridge | differs | a test', 'bridge | differs | a test | why | more', 'bridge | sometimes | a test | why', 'bridge'])(
    'names the line when it is malformed: %s',
    (line) => {
      expect(() => parseExpected(`# why\n${line}`)).toThrow('line 2')
    },
  )

  it('reads the list that is checked in, whose suites all run', () => {
    const expected = parseExpected(readFileSync(new URL('expected.txt', import.meta.url), 'utf8'))
    expect(expected.map(({ suite }) => suite).filter((name) => !suites.some((suite) => suite.name === name))).toEqual([])
  })
})

describe('names', () => {
  it.each([
    ['ptp [*] adds', 'ptp [1.0.0] adds', true],
    ['ptp [*] adds', 'ptp [abc] adds', false],
    ['ptp [1.0.0] adds', 'ptp [1.0.0] adds', true],
    ['ptp [1.0.0] adds', 'ptp [1.1.0] adds', false],
    ['adds (a+b)', 'adds (a+b)', true],
    ['adds', 'adds more', false],
  ])('%s: %s is %s', (test, full, named) => {
    expect(names(test, full)).toBe(named)
  })
})
