// `node test/upstream/main.ts [SUITE…] [--focus=REGEX] [--theirs=FOLDER]`: the reference plugins' own tests against dist/cni. Ends with `N passed, N failed, N skipped`.
// What they print lies in dist/upstream, a file a suite. With --theirs the reference plugins are tested, built as FOLDER has them: what fails there is the machine's.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { noHostReason } from '../harness/throwaway-host.ts'
import { parseExpected } from './expected.ts'
import { findLacking } from './lacking.ts'
import { runSuite } from './run-suite.ts'
import { noCounterpart, suites } from './suites.ts'
import { prepareTree } from './tree.ts'
import { judge, type Verdict } from './verdict.ts'

const output = fileURLToPath(new URL('../../dist/upstream', import.meta.url))
const focus = process.argv.find((arg) => arg.startsWith('--focus='))?.slice('--focus='.length)
const theirs = process.argv.find((arg) => arg.startsWith('--theirs='))?.slice('--theirs='.length)
const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))

if (noHostReason) {
  console.log(`skipped: ${noHostReason}\n0 passed, 0 failed, 1 skipped`)
} else {
  process.exitCode = await main()
}

async function main(): Promise<number> {
  const expected = parseExpected(readFileSync(new URL('expected.txt', import.meta.url), 'utf8'))
  const lacking = findLacking()
  const tree = prepareTree(lacking)
  const total = { passed: 0, failed: 0, skipped: 0, whiteBox: 0, differs: 0 }
  const rows: string[] = []
  mkdirSync(output, { recursive: true })
  for (const suite of suites.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const run = await runSuite(tree, suite, { focus, theirs })
    writeFileSync(join(output, `${suite.name}.txt`), run.output)
    writeFileSync(join(output, `${suite.name}.json`), JSON.stringify(run.reports, undefined, 1))
    const verdict = judge(
      suite.ours,
      focus === undefined ? run.reports : run.reports.filter(({ State }) => State !== 'skipped'),
      focus === undefined ? expected.filter((entry) => entry.suite === suite.name) : [],
      lacking,
    )
    const problems = [
      ...verdict.problems,
      ...(run.broken ? [`${suite.name} ${run.broken}; what it printed: dist/upstream/${suite.name}.txt`] : []),
    ]
    for (const problem of problems) console.error(`${suite.name}: ${problem}`)
    rows.push(row(suite.name, verdict, problems.length, run.seconds))
    console.log(rows.at(-1))
    total.passed += verdict.passed.length
    total.failed += problems.length
    total.skipped += verdict.skipped.length
    total.whiteBox += verdict.whiteBox.length
    total.differs += verdict.differs.length
  }
  console.log(`no counterpart: ${noCounterpart.join(' ')}`)
  console.log(`${total.differs} differ on purpose, ${total.whiteBox} white box`)
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return total.failed === 0 ? 0 : 1
}

function row(name: string, { passed, differs, skipped, whiteBox }: Verdict, failed: number, seconds: number): string {
  const counts = [passed.length, failed, differs.length, skipped.length, whiteBox.length]
  return `| ${name} | ${counts.join(' | ')} | ${seconds.toFixed(1)} s |`
}
