import { expect, it } from 'vitest'
import { matchesOutput, stepsOf } from './runnable.ts'

const text = `
\`\`\`
never run
\`\`\`

<!-- run
mkdir x
-->

\`\`\`sh run
cd x
ls
\`\`\`

\`\`\`text output
…
\`\`\`

\`\`\`console run status=1
$ false
$ ls y
ls: y
gone
\`\`\`
`

it('the steps of a page are its marked blocks, each with what it prints', () => {
  expect(stepsOf({ path: 'a.md', lines: text.split('\n') })).toEqual([
    { command: 'mkdir x', line: 7, status: 0, output: undefined },
    { command: 'cd x\nls', line: 11, status: 0, output: '…' },
    { command: 'false', line: 20, status: 1, output: '' },
    { command: 'ls y', line: 21, status: 1, output: 'ls: y\ngone' },
  ])
})

it('an output matches when it differs from the page only where the page has …', () => {
  expect(matchesOutput('a 12 b\nc\n', 'a … b\nc')).toBe(true)
  expect(matchesOutput('a\nb\nc\n', 'a\n…\nc')).toBe(true)
  expect(matchesOutput('a b c', 'a b')).toBe(false)
  expect(matchesOutput('axb', 'a.b')).toBe(false)
})
