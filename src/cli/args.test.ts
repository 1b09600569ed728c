import { describe, expect, it } from 'vitest'
import { type Flag, parseFlags, suggestion } from './args.ts'

const flags: readonly Flag[] = [
  { name: 'bin-dir', value: 'DIR', about: '' },
  { name: 'output', value: 'FORM', short: 'o', about: '', choices: ['table', 'json'] },
  { name: 'dry-run', about: '' },
]
const parse = (...args: string[]) => {
  const { given, operands, problems } = parseFlags(args, flags)
  return { given: Object.fromEntries(given), operands, problems }
}

describe('parseFlags', () => {
  it.each([
    [[], {}, []],
    [['--bin-dir', '/x'], { 'bin-dir': '/x' }, []],
    [['--bin-dir=/x=y'], { 'bin-dir': '/x=y' }, []],
    [['-o', 'json', '--dry-run'], { output: 'json', 'dry-run': '' }, []],
    [['a', '--dry-run', '-', 'b'], { 'dry-run': '' }, ['a', '-', 'b']],
    [['--bin-dir', '-x'], { 'bin-dir': '-x' }, []],
  ])('reads %j', (args, given, operands) => {
    expect(parse(...args)).toEqual({ given, operands, problems: [] })
  })

  it.each([
    [['--bindir', '/x'], ['unknown flag --bindir; did you mean --bin-dir?']],
    [
      ['--frobnicate', '/x', '--dry-rum'],
      ['unknown flag --frobnicate', 'unknown flag --dry-rum; did you mean --dry-run?'],
    ],
    [['--bin-dir'], ['--bin-dir: it takes a value: DIR']],
    [['--bin-dir='], ['--bin-dir: it takes a value: DIR']],
    [['-o', 'jsno'], ['-o: expected table, json, got "jsno"; did you mean json?']],
    [['--dry-run=yes'], ['--dry-run: it is a switch and takes no value']],
    [['-o', 'json', '--output', 'json'], ['--output is given twice']],
    [['-x'], ['unknown flag -x; did you mean -o?']],
  ])('rejects %j', (args, problems) => {
    expect(parse(...args).problems).toEqual(problems)
  })
})

it.each([
  ['instal', '; did you mean install?'],
  ['uninstal', '; did you mean uninstall?'],
  ['stats', '; did you mean status?'],
  ['pod', '; did you mean pods?'],
  ['frobnicate', ''],
])('suggestion finds what %s was to be', (text, expected) => {
  expect(suggestion(text, ['install', 'uninstall', 'status', 'pods'])).toBe(expected)
})
