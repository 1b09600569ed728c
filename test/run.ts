// Every check that needs no cluster, in one go; `make test` runs it. All of them run even where one fails; the last line says how many did.

import { spawnSync } from 'node:child_process'
import { compareNetworks, readNetwork } from './harness/network.ts'
import { addTallies, formatTally, gateTally, type Tally } from './harness/tally.ts'
import { runVitest } from './harness/vitest.ts'

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
  return runVitest()
}

function untouched(): Tally {
  console.log("== the machine's network is as it was before")
  const differences = compareNetworks(network, readNetwork())
  if (differences.length > 0) console.error(differences.join('\n'))
  return gateTally(differences.length === 0)
}
