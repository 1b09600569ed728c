// `node test/upstream/main.ts [SUITE…] [--focus=REGEX] [--theirs=FOLDER] [--record]`: the reference plugins' own tests against dist/cni.
// Ends with `N passed, N failed, N skipped`; what the suites print is in dist/upstream. With --theirs the reference plugins are tested, as FOLDER has
// them built: what fails then is the machine's doing. --record writes a run of all suites to docs/conformance.md.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatTally } from '../harness/tally.ts'
import { noHostReason } from '../harness/throwaway-host.ts'
import { type Expected, parseExpected } from './expected.ts'
import { findLacking } from './lacking.ts'
import { head, record, type SuiteResult, suiteRow, tallyOf, totalRow } from './record.ts'
import { runSuite } from './run-suite.ts'
import { noCounterpart, type Suite, suites } from './suites.ts'
import { goIsHere, prepareTree } from './tree.ts'
import { judge } from './verdict.ts'

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const output = file('dist/upstream')
const words = process.argv.slice(2)
const value = (flag: string) => words.find((word) => word.startsWith(`--${flag}=`))?.slice(flag.length + 3)
const focus = value('focus')
const theirs = value('theirs')
const named = words.filter((word) => !word.startsWith('--'))
const chosen = suites.filter(({ name }) => named.length === 0 || named.includes(name))

const unknown = named.filter((name) => !suites.some((suite) => suite.name === name))
const lack = goIsHere() ? noHostReason : 'Go is not installed: install Go 1.24 or later'
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(', ')}; there are ${suites.map(({ name }) => name).join(' ')}`)
  process.exitCode = 2
} else if (lack) {
  console.log(`upstream-tests: skipped: ${lack}\n0 passed, 0 failed, 1 skipped`)
} else {
  process.exitCode = await main()
}

async function main(): Promise<number> {
  const lacking = findLacking()
  const tree = prepareTree(lacking)
  const expected = parseExpected(readFileSync(file('test/upstream/expected.txt'), 'utf8'))
  mkdirSync(output, { recursive: true })
  console.log(head)
  const results: SuiteResult[] = []
  for (const suite of chosen) {
    const result = await runAndJudge(tree, suite, expected, lacking)
    console.log(suiteRow(result))
    for (const problem of result.verdict.problems) console.error(`${suite.name}: ${problem}`)
    results.push(result)
  }
  console.log(totalRow(results))
  console.log(`no counterpart here: ${noCounterpart.join(', ')}`)
  if (words.includes('--record') && chosen.length === suites.length) {
    const page = file('docs/conformance.md')
    const facts = { date: new Date().toISOString().slice(0, 10), commit: commit(), lacking }
    writeFileSync(page, record(readFileSync(page, 'utf8'), results, facts))
  }
  const tally = tallyOf(results.map(({ verdict }) => verdict))
  // Also where nothing was skipped: one form, which scripts read.
  console.log(tally.skipped > 0 ? formatTally(tally) : `${formatTally(tally)}, 0 skipped`)
  return tally.failed === 0 ? 0 : 1
}

async function runAndJudge(tree: string, suite: Suite, expected: readonly Expected[], lacking: ReadonlySet<string>): Promise<SuiteResult> {
  const { reports, seconds, output: printed, broken } = await runSuite(tree, suite, { focus, theirs })
  writeFileSync(join(output, `${suite.name}.txt`), printed)
  writeFileSync(join(output, `${suite.name}.json`), JSON.stringify(reports, undefined, 1))
  const list = focus === undefined && theirs === undefined ? expected.filter((entry) => entry.suite === suite.name) : []
  const meant = focus === undefined ? reports : reports.filter(({ State }) => State !== 'skipped')
  const verdict = judge(suite.ours, meant, list, lacking)
  const problems = broken ? [...verdict.problems, `${broken}; what it printed: dist/upstream/${suite.name}.txt`] : verdict.problems
  return { name: suite.name, verdict: { ...verdict, problems }, seconds }
}

function commit(): string {
  return spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: file('.'), encoding: 'utf8' }).stdout.trim()
}
