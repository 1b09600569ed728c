// `make bench`: the built plugins beside the Go reference plugins, in one run on one throw-away host. Prints ratios; figures go to dist/bench.json.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Host, pluginPath, withHost } from '../test/harness/throwaway-host.ts'
import { cases } from './cases.ts'
import { formatTable, type Row, summarize } from './table.ts'
import type { Samples, Side } from './task.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const allRounds = Number(process.env.ROUNDS ?? 40)
/** Of the titles: only the cases that have it are run. */
const only = process.env.ONLY ?? ''

const work = mkdtempSync(join(tmpdir(), 'podwire-bench-'))
try {
  const go = process.env.GO_PLUGINS ?? execFileSync('sh', ['build/go-reference.sh'], { cwd: root, encoding: 'utf8' }).trim()
  const measure = join(work, 'measure')
  execFileSync('sh', ['build/native.sh', 'bench/measure.ts', measure], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  const rows = await withHost((host) => compare(host, measure, go))
  const size = statSync(join(pluginPath, 'podwire')).size
  if (!only) writeFileSync(join(root, 'dist/bench.json'), `${JSON.stringify({ rounds: allRounds, size, rows }, undefined, 2)}\n`)
  console.log(`${formatTable(rows)}\n\none plugin file: ${size} bytes; medians of ${allRounds} rounds, the sides in turn`)
} finally {
  rmSync(work, { recursive: true, force: true })
}

async function compare(host: Host, measure: string, go: string): Promise<Row[]> {
  const run = async (rounds: number, sides: readonly Side[]): Promise<Samples> => {
    const { status, stdout, stderr } = await host.exec(measure, [], { stdin: JSON.stringify({ rounds, sides }), timeout: 600_000 })
    if (status !== 0) throw new Error(`the measuring program ended with ${status}: ${stderr}`)
    return JSON.parse(stdout)
  }
  const rows: Row[] = []
  for (const makeCase of cases(host, go)) {
    const { title, rows: steps, rounds = allRounds, before, sides } = await makeCase()
    if (!title.includes(only)) continue
    // No rounds but the one that is not counted.
    if (before) await run(0, before)
    const samples = await run(Math.min(rounds, allRounds), sides)
    const [ours, theirs] = sides
    for (const step of steps) {
      rows.push(summarize(step === title ? title : `${title}: ${step}`, samples[ours.name]?.[step], samples[theirs.name]?.[step]))
    }
  }
  return rows
}
