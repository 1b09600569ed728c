// Runs test files by vitest, as a person reads it, and counts what came of it.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Tally, vitestTally } from './tally.ts'

/** Those whose path contains one of `names`; all where there is none. */
export function runVitest(names: readonly string[] = [], reporter = 'default'): Tally {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-report-'))
  const file = join(dir, 'report.json')
  const args = ['node_modules/.bin/vitest', 'run', ...names, `--reporter=${reporter}`, '--reporter=json', `--outputFile.json=${file}`]
  try {
    const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
    return vitestTally(readOrNothing(file), status === 0)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
