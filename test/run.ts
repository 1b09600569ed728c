// Every check that needs no cluster, in one go; `make test` runs it. All of them run even where one fails; the last line says how many did.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compareNetworks, readNetwork } from './harness/network.ts'
import { addTallies, formatTally, gateTally, type Tally, vitestTally } from './harness/tally.ts'

const node = process.execPath
/** The exit status of the scripts in build/ where a program cannot be had here. */
const lacksMeans = 3
const network = readNetwork()
const total = addTallies([
  gate('format and lint', 'node_modules/.bin/biome', 'check', '--error-on-warnings', '.'),
  gate('types', 'sh', 'build/typecheck.sh'),
  gate('import arrows', node, 'build/arrows.ts'),
  gate('workflows', 'sh', 'build/workflows.sh'),
  gate('build', 'sh', 'build/plugins.sh'),
  vitest(),
  untouched(),
])
console.log(formatTally(total))
process.exitCode = total.failed > 0 ? 1 : 0

function gate(title: string, file: string, ...args: string[]): Tally {
  console.log(`== ${title}`)
  const { status } = spawnSync(file, args, { stdio: 'inherit' })
  // What a gate needs is not here; it has said so.
  if (status === lacksMeans) return { passed: 0, failed: 0, skipped: 1 }
  return gateTally(status === 0)
}

function vitest(): Tally {
  console.log('== tests')
  const dir = mkdtempSync(join(tmpdir(), 'podwire-report-'))
  const file = join(dir, 'report.json')
  const args = ['node_modules/.bin/vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  try {
    const { status } = spawnSync(node, args, { stdio: 'inherit' })
    return vitestTally(readOrNothing(file), status === 0)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function untouched(): Tally {
  console.log("== the machine's network is as it was before")
  const differences = compareNetworks(network, readNetwork())
  if (differences.length > 0) console.error(differences.join('\n'))
  return gateTally(differences.length === 0)
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
