// What a run came to, and its place in the tables of docs/conformance.md. Pure.

import { withRows } from '../../test/harness/page-table.ts'
import type { Tally } from '../../test/harness/tally.ts'
import type { ClusterOptions } from '../driver.ts'
import type { Choice } from './choose.ts'
import type { Result } from './report.ts'

export interface Summary extends Tally {
  readonly cluster: string
  /** Kubernetes' own, as `v1.36.3`. */
  readonly version: string
  readonly options: Required<ClusterOptions>
  readonly subset: string
  readonly minutes: number
  /** `YYYY-MM-DD` */
  readonly date: string
  readonly commit: string
  /** How many tests were skipped, by their reason. */
  readonly reasons: Readonly<Record<string, number>>
}

/** Counts what was run and what the skip lists passed over. */
export function count(results: readonly Result[], listed: Choice['skipped']): Tally & Pick<Summary, 'reasons'> {
  const having = (state: Result['state']) => results.filter((result) => result.state === state)
  const reasons: Record<string, number> = {}
  for (const reason of [...listed.map((skip) => skip.reason), ...having('skipped').map(({ message }) => `the test itself: ${message}`)])
    reasons[reason] = (reasons[reason] ?? 0) + 1
  return { passed: having('passed').length, failed: having('failed').length, skipped: listed.length + having('skipped').length, reasons }
}

/** The page with the run's row in the table of its cluster, in place of an older one of the same command, and the reasons of a run of all tests. */
export function record(page: string, summary: Summary): string {
  const { cluster, version, options, subset, passed, failed, skipped, minutes, date, commit } = summary
  const { families, proxy } = options
  const key = `| ${version} | ${families} | ${proxy} | ${subset} |`
  const row = `${key} ${passed} | ${failed} | ${skipped} | ${minutes} | ${date} | ${commit} | \`${command(summary)}\` |`
  const withRow = withRows(page, `results ${cluster}`, (lines) => [...lines.filter((line) => !line.startsWith(key)), row])
  return subset === 'all' ? withRows(withRow, `skipped ${cluster} ${families}`, () => reasonRows(summary)) : withRow
}

/** What makes the same run again. */
function command({ cluster, options, subset }: Summary): string {
  const { kubernetes, families, proxy } = options
  const words = [
    ...(cluster === 'namespaces' ? [] : [`CLUSTER=${cluster}`]),
    ...(subset === 'all' ? [] : [`SUBSET=${subset}`]),
    ...(kubernetes === '1.36' ? [] : [`KUBERNETES=${kubernetes}`]),
    ...(families === 'v4' ? [] : [`FAMILIES=${families}`]),
    ...(proxy === 'nftables' ? [] : [`PROXY=${proxy}`]),
  ]
  return ['make conformance', ...words].join(' ')
}

const reasonRows = ({ reasons }: Summary) =>
  Object.entries(reasons)
    .sort(([, one], [, other]) => other - one)
    .map(([reason, number]) => `| ${number} | ${reason.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')} |`)
