// `node e2e/conformance/run.ts [KEY=VALUE…]` (settings.ts has the keys): Kubernetes' own network tests on a cluster with podwire.
// The last line is `N passed, N failed, N skipped`.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareNetworks, readNetwork } from '../../test/harness/network.ts'
import { formatTally } from '../../test/harness/tally.ts'
import { built } from '../built.ts'
import { attach, namespaces } from '../cluster/driver.ts'
import { completeOptions } from '../driver.ts'
import { kind } from '../kind/driver.ts'
import { choose, parseSkipList, parseTexts, type SkipLine, type Subset } from './choose.ts'
import { prepare } from './prepare.ts'
import { count, record, type Summary } from './record.ts'
import type { Result } from './report.ts'
import { parseSettings } from './settings.ts'
import { listTests, runSuite } from './suite.ts'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const settings = parseSettings(process.argv.slice(2))
const driver = settings.cluster === 'kind' ? kind : namespaces
const standing = settings.cluster === 'up' ? attach() : undefined
const options = standing?.options ?? completeOptions(settings.options)
const rejected = standing === undefined ? driver.rejects(settings.options) : undefined
if (rejected !== undefined) throw new Error(rejected)

const env = { KUBERNETES: options.kubernetes }
const programs = built('conformance/programs.sh', env)
const images = built('conformance/images.sh', env)
const { run, skipped } = await chosen()
console.log(`${run.length} tests, and ${skipped.length} that the skip lists pass over`)
const folder = file(`../../dist/conformance/${driver.kind}-${options.kubernetes}-${options.families}-${options.proxy}-${settings.subset}`)
const before = readNetwork()
const began = performance.now()
const results = await onCluster()
const differences = compareNetworks(before, readNetwork())
report(results)

async function onCluster(): Promise<Result[]> {
  const cluster = standing ?? (await driver.up(settings.options, 1))
  try {
    await prepare(cluster, images)
    console.log(`the cluster is ready after ${Math.round((performance.now() - began) / 1000)} s; log in ${folder}`)
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    return await runSuite(cluster, { programs, tests: run, processes: settings.processes, folder, minutes: 180 })
  } finally {
    if (standing === undefined) await cluster.down()
  }
}

async function chosen() {
  const tests = await listTests(join(programs, 'e2e.test'))
  const subset: Subset = settings.subset === 'ci' ? parseTexts(readFileSync(file('subset-ci.txt'), 'utf8')) : settings.subset
  const { run, skipped } = choose(tests, subset, skipLines())
  const focused = (test: string) => test.includes(settings.focus)
  return { run: run.filter(focused), skipped: skipped.filter((skip) => focused(skip.test)) }
}

/** The lines of the skip lists for clusters like this one: skip.txt, and skip.WORD.txt for each word that says what it is like. */
function skipLines(): SkipLine[] {
  const words: string[] = [driver.kind, options.families, options.proxy, options.kubernetes]
  if (driver.kind === 'namespaces' && options.behindRouter.length > 0) words.push('vxlan')
  if (!existsSync('/proc/net/sctp')) words.push('no-sctp')
  const files = ['skip.txt', ...words.map((word) => `skip.${word}.txt`)]
  const there = readdirSync(file('.'))
  return files.filter((name) => there.includes(name)).flatMap((name) => parseSkipList(readFileSync(file(name), 'utf8'), name))
}

function report(all: readonly Result[]): void {
  for (const { test, state, message } of all) {
    if (state !== 'passed')
      console.log(`${state === 'failed' ? 'FAIL' : 'skip'} ${test}\n     ${message.trim().split('\n').slice(0, 6).join('\n     ')}`)
  }
  if (differences.length > 0) console.log(`FAIL the machine's network is not as it was before:\n${differences.join('\n')}`)
  const summary: Summary = {
    ...count(all, skipped),
    cluster: driver.kind,
    version: readFileSync(join(programs, 'version'), 'utf8').trim(),
    options,
    subset: settings.subset,
    minutes: Math.round((performance.now() - began) / 60_000),
    date: new Date().toISOString().slice(0, 10),
    commit: spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout.trim(),
  }
  writeFileSync(join(folder, 'summary.json'), JSON.stringify(summary, undefined, 2))
  if (settings.record) {
    const page = file('../../docs/conformance.md')
    writeFileSync(page, record(readFileSync(page, 'utf8'), summary))
  }
  const failed = summary.failed + (differences.length > 0 ? 1 : 0)
  console.log(formatTally({ ...summary, failed }))
  process.exitCode = failed > 0 || summary.passed === 0 ? 1 : 0
}
