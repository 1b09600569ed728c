// What a suite came to: each test's end held against the list of what is expected.

import { type Expected, names } from './expected.ts'

/** One test, as go/report.go writes it down. */
export interface Report {
  readonly Name: string
  /** Ginkgo's: `passed`, `failed`, `skipped`, `pending`, `panicked` … */
  readonly State: string
  readonly Message: string
  readonly Seconds: number
  /** The programs of ours that ran meanwhile. */
  readonly Ran: readonly string[] | null
}

export interface Verdict {
  readonly passed: readonly Report[]
  /** Proved nothing about us, whatever they came to. */
  readonly whiteBox: readonly Report[]
  readonly skipped: readonly Explained[]
  /** Fail as the list has it. */
  readonly differs: readonly Explained[]
  /** What makes the run fail, a sentence each. */
  readonly problems: readonly string[]
}

export interface Explained {
  readonly report: Report
  readonly reason: string
}

/** `lacking`: what this machine has not (`dummy`). */
export function judge(
  ours: readonly string[],
  reports: readonly Report[],
  expected: readonly Expected[],
  lacking: ReadonlySet<string>,
): Verdict {
  const passed: Report[] = []
  const whiteBox: Report[] = []
  const skipped: Explained[] = []
  const differs: Explained[] = []
  const problems: string[] = []
  const used = new Set<Expected>()

  for (const report of reports) {
    const entry = expected.find(({ test }) => names(test, report.Name))
    if (entry) used.add(entry)
    const failed = !['passed', 'skipped', 'pending'].includes(report.State)
    const need = entry?.kind.startsWith('needs:') ? entry.kind.slice('needs:'.length) : undefined
    if (report.State === 'skipped' || report.State === 'pending') skipped.push({ report, reason: report.Message || 'skipped by the suite' })
    else if (!failed && entry && (need === undefined || lacking.has(need)))
      problems.push(`passes, though line ${entry.line} of the list says it does not: ${report.Name}`)
    else if (failed && entry?.kind === 'differs') differs.push({ report, reason: entry.reason })
    else if (failed && entry?.kind === 'white-box') whiteBox.push(report)
    else if (failed && entry && need !== undefined && lacking.has(need)) skipped.push({ report, reason: entry.reason })
    else if (failed) problems.push(`${report.Name}: ${brief(report.Message)}`)
    else if (ours.some((name) => report.Ran?.includes(name))) passed.push(report)
    else whiteBox.push(report)
  }
  for (const entry of expected) {
    if (!used.has(entry)) problems.push(`line ${entry.line} of the list names no test: ${entry.test}`)
  }
  return { passed, whiteBox, skipped, differs, problems }
}

/** On one line; the rest is in dist/upstream. */
const brief = (message: string) => message.replaceAll(/\s+/g, ' ').slice(0, 300)
