// Counts what a run came to: its gates and vitest's report in one line, `N passed, N failed`, that scripts read.

export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export const formatTally = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`

export const addTallies = (tallies: readonly Tally[]): Tally => ({
  passed: tallies.reduce((sum, { passed }) => sum + passed, 0),
  failed: tallies.reduce((sum, { failed }) => sum + failed, 0),
  skipped: tallies.reduce((sum, { skipped }) => sum + skipped, 0),
})

/** A gate counts as one. */
export const gateTally = (ok: boolean): Tally => ({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 })

/** What vitest's JSON reporter wrote (`undefined` where it wrote none), and whether vitest itself ended well. What failed without failing a test counts as one. */
export function vitestTally(report: string | undefined, ok: boolean): Tally {
  const { testResults = [] } = parseReport(report)
  const tests = testResults.flatMap(({ assertionResults = [] }) => assertionResults)
  const brokenFiles = testResults.filter(
    ({ status, assertionResults = [] }) => status === 'failed' && !assertionResults.some(isFailed),
  ).length
  const passed = tests.filter(({ status }) => status === 'passed').length
  const failed = tests.filter(isFailed).length + brokenFiles
  const unexplained = (!ok || passed === 0) && failed === 0 ? 1 : 0
  return { passed, failed: failed + unexplained, skipped: tests.length - passed - tests.filter(isFailed).length }
}

interface Report {
  readonly testResults?: readonly { readonly status?: string; readonly assertionResults?: readonly { readonly status: string }[] }[]
}

const isFailed = ({ status }: { readonly status: string }) => status === 'failed'

function parseReport(report: string | undefined): Report {
  try {
    // Vitest's own file; a field that it lacks counts as nothing, and then the run as failed.
    return JSON.parse(report ?? '{}') as Report
  } catch {
    return {}
  }
}
