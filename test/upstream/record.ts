// What the suites came to: as lines to read, and as the tables of docs/conformance.md. Pure.

import { withRows } from '../harness/page-table.ts'
import type { Tally } from '../harness/tally.ts'
import type { Explained, Verdict } from './verdict.ts'

export interface SuiteResult {
  readonly name: string
  readonly verdict: Verdict
  readonly seconds: number
}

export interface RunFacts {
  /** `YYYY-MM-DD` */
  readonly date: string
  readonly commit: string
  /** What the machine has not, as `needs:NAME` calls it. */
  readonly lacking: ReadonlySet<string>
}

/** A problem counts as a failure each; what differs on purpose and what is white box are not in here. */
export const tallyOf = (verdicts: readonly Verdict[]): Tally => ({
  passed: sum(verdicts, ({ passed }) => passed.length),
  failed: sum(verdicts, ({ problems }) => problems.length),
  skipped: sum(verdicts, ({ skipped }) => skipped.length),
})

export const head = `| suite | passed | of those, podwire's error has more | differs | failed | skipped | white box | s |
|---|---|---|---|---|---|---|---|`

export const suiteRow = ({ name, verdict, seconds }: SuiteResult): string => `| ${name} | ${cells([verdict])} | ${seconds.toFixed(1)} |`

export function totalRow(results: readonly SuiteResult[]): string {
  return `| all | ${cells(results.map(({ verdict }) => verdict))} | ${sum(results, ({ seconds }) => seconds).toFixed(1)} |`
}

/** The page with the tables of a run of all suites. */
export function record(page: string, results: readonly SuiteResult[], { date, commit, lacking }: RunFacts): string {
  const facts = `| ${date} | ${commit} | \`make upstream-tests\` | ${[...lacking].join(', ') || 'nothing'} |`
  const reasons = (of: (verdict: Verdict) => readonly Explained[]) => () =>
    results.flatMap(({ name, verdict }) => [...byReason(of(verdict))].map(([reason, tests]) => `| ${name} | ${tests} | ${reason} |`))
  const withFacts = withRows(page, 'run upstream', () => [facts])
  const withResults = withRows(withFacts, 'results upstream', () => [...results.map(suiteRow), totalRow(results)])
  const withDiffers = withRows(
    withResults,
    'differs upstream',
    reasons(({ differs }) => differs),
  )
  return withRows(
    withDiffers,
    'skipped upstream',
    reasons(({ skipped }) => skipped),
  )
}

function cells(verdicts: readonly Verdict[]): string {
  const { passed, failed, skipped } = tallyOf(verdicts)
  const longer = sum(verdicts, (verdict) => verdict.passed.filter(({ Ran }) => Ran?.includes('longer-message')).length)
  const differs = sum(verdicts, (verdict) => verdict.differs.length)
  const whiteBox = sum(verdicts, (verdict) => verdict.whiteBox.length)
  return [passed, longer, differs, failed, skipped, whiteBox].join(' | ')
}

function byReason(explained: readonly Explained[]): Map<string, number> {
  const tests = new Map<string, number>()
  for (const { reason } of explained) tests.set(reason, (tests.get(reason) ?? 0) + 1)
  return tests
}

const sum = <T>(list: readonly T[], of: (item: T) => number): number => list.reduce((total, item) => total + of(item), 0)
