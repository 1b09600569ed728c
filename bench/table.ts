// Medians, quantiles, ratios and how they are shown.

export interface Sample {
  readonly ms: readonly number[]
  readonly maxrss: readonly number[]
}

/** Medians in milliseconds and KiB; `ratio` is the median of the ratios of each round's pair. */
export interface Row {
  readonly what: string
  readonly ours: number
  readonly theirs: number
  readonly ratio: number
  readonly oursKiB: number
  readonly theirsKiB: number
}

export function summarize(what: string, ours: Sample | undefined, theirs: Sample | undefined): Row {
  if (!ours || !theirs || ours.ms.length !== theirs.ms.length) throw new Error(`${what}: a side has no samples`)
  return {
    what,
    ours: median(ours.ms),
    theirs: median(theirs.ms),
    ratio: median(ours.ms.map((ms, i) => ms / (theirs.ms[i] ?? Number.NaN))),
    oursKiB: Math.max(...ours.maxrss),
    theirsKiB: Math.max(...theirs.maxrss),
  }
}

export function formatTable(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ what }) => what.length))
  const line = (...cells: string[]) => cells.map((cell, i) => (i === 0 ? cell.padEnd(width) : cell.padStart(12))).join('')
  const body = rows.map((row) =>
    line(row.what, row.ours.toFixed(2), row.theirs.toFixed(2), `${row.ratio.toFixed(2)}×`, `${row.oursKiB}`, `${row.theirsKiB}`),
  )
  return [line('', 'podwire ms', 'other ms', 'ratio', 'our KiB', 'other KiB'), ...body].join('\n')
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2
}

/** The value that `part` of the others lie below; 0.5 is one of them, where `median` may lie between two. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN
}
