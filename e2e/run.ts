// `node e2e/run.ts [--kind] [--network MODULE] [SCENARIO…] [KEY=VALUE…]`: the scenarios on real clusters; the last line is `N passed, N failed`.
// Settings typed here win over a scenario's own. A module of --network exports `network`, to see what another CNI does in the same scenarios.

import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { compareNetworks, readNetwork } from '../test/harness/network.ts'
import { addTallies, formatTally, gateTally, type Tally } from '../test/harness/tally.ts'
import { namespaces } from './cluster/driver.ts'
import type { Cluster, ClusterOptions, Driver } from './driver.ts'
import { kind } from './kind/driver.ts'
import { describeFailure, kubectl, nodesReady } from './kubernetes.ts'
import { formatOptions, parseOptions } from './options.ts'
import { type Network, podwire } from './podwire.ts'
import { marked, print } from './print.ts'
import { type Scenario, Skip } from './scenario.ts'

/** Characters of a failure that are repeated at the end. */
const SHOWN = 1000

/** One scenario on one kind of cluster. */
interface Run {
  readonly name: string
  readonly scenario: Scenario
  readonly options: ClusterOptions
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { kind: { type: 'boolean', default: false }, network: { type: 'string' } },
})
const began = performance.now()
const driver: Driver = flags.kind ? kind : namespaces
const network: Network = flags.network === undefined ? podwire : (await import(resolve(flags.network))).network
const before = (await driver.leavesNetwork()) ? readNetwork() : undefined

/** What failed, once more at the end: of a long log often only that is left. */
const failures: string[] = []
let tally: Tally = { passed: 0, failed: 0, skipped: 0 }
const groups = grouped(await chooseRuns())
const isAlone = (group: readonly Run[]) => group.some(({ scenario }) => scenario.alone)
await runSideBySide(groups.filter((group) => !isAlone(group)))
for (const group of groups.filter(isAlone)) await runGroup(group, 1)
if (before !== undefined) {
  const differences = compareNetworks(before, readNetwork())
  report(differences.length === 0 ? 'ok' : 'FAIL', "the machine's network is as it was before", differences.join('\n'))
  tally = addTallies([tally, gateTally(differences.length === 0)])
}
for (const failure of failures) console.log(failure)
console.log(`in ${seconds(began)}`)
console.log(formatTally(tally))
process.exit(tally.failed > 0 || tally.passed === 0 ? 1 : 0)

/** The scenarios that are asked for, or all, each on each of its clusters. */
async function chooseRuns(): Promise<Run[]> {
  const typed = parseOptions(positionals.filter((word) => word.includes('=')))
  const folder = new URL('scenarios/', import.meta.url)
  const all = readdirSync(folder)
    .map((file) => file.replace(/\.ts$/, ''))
    .sort()
  const asked = positionals.filter((word) => !word.includes('='))
  const unknown = asked.filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new Error(`no scenario ${unknown.join(' ')}; there are ${all.join(' ')}`)
  const runs: Run[] = []
  for (const name of asked.length > 0 ? asked : all) {
    const scenario: Scenario = (await import(new URL(`${name}.ts`, folder).href)).scenario
    const options = scenario.clusters.map((cluster) => ({ ...cluster, ...typed }))
    // What was typed can make two clusters the same.
    const different = options.filter((one, index) => options.findIndex((other) => formatOptions(other) === formatOptions(one)) === index)
    runs.push(...different.map((one) => ({ name, scenario, options: one })))
  }
  return runs
}

/** Scenarios that can share one cluster stand together, in the order in which the first of them came. */
function grouped(runs: readonly Run[]): Run[][] {
  const groups = new Map<string, Run[]>()
  for (const [index, run] of runs.entries()) {
    const key = JSON.stringify([formatOptions(run.options), run.scenario.install ?? {}, run.scenario.fresh ? index : ''])
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return [...groups.values()]
}

async function runSideBySide(all: readonly Run[][]): Promise<void> {
  const queue = all.values()
  const numbers = Array.from({ length: Math.min(driver.width, all.length) }, (_, index) => index + 1)
  const mark = (number: number) => (numbers.length > 1 ? `${number} ` : '')
  await Promise.all(
    numbers.map((number) =>
      marked(mark(number), async () => {
        for (const group of queue) await runGroup(group, number)
      }),
    ),
  )
}

async function runGroup(runs: readonly Run[], number: number): Promise<void> {
  const result = await tallyGroup(runs, number)
  tally = addTallies([tally, result])
}

async function tallyGroup(runs: readonly Run[], number: number): Promise<Tally> {
  const [first] = runs
  if (first === undefined) return { passed: 0, failed: 0, skipped: 0 }
  const { options, scenario } = first
  const names = [...new Set(runs.map(({ name }) => name))].join(', ')
  const install = scenario.install ?? {}
  print(
    `== ${names} (${formatOptions(options) || 'three nodes'}${install === false ? ', no network' : Object.keys(install).length > 0 ? `, ${JSON.stringify(install)}` : ''})`,
  )
  const rejected = driver.rejects(options)
  if (rejected !== undefined) return skipAll(runs, rejected)

  const start = performance.now()
  let cluster: Cluster | undefined
  try {
    cluster = await driver.up(options, number)
    report('..', `cluster up in ${seconds(start)}`)
    if (install !== false) {
      const installing = performance.now()
      await network.install(cluster, install)
      await nodesReady(cluster)
      report('..', `network installed, nodes Ready in ${seconds(installing)}`)
    }
    let total: Tally = { passed: 0, failed: 0, skipped: 0 }
    for (const run of runs) total = addTallies([total, await runChecks(run, cluster)])
    return total
  } catch (error) {
    if (error instanceof Skip) return skipAll(runs, error.message)
    failures.push(`FAIL ${names} (${formatOptions(options)}): set-up: ${message(error).slice(0, SHOWN)}`)
    report('FAIL', 'set-up', message(error), cluster && (await describeFailure(cluster, 'kube-system')))
    return { passed: 0, failed: runs.reduce((sum, run) => sum + Object.keys(run.scenario.checks).length, 0), skipped: 0 }
  } finally {
    await cluster?.down()
  }
}

/** All checks of a scenario, in a Kubernetes namespace of its own. */
async function runChecks({ name, scenario }: Run, cluster: Cluster): Promise<Tally> {
  const namespace = `e2e-${name}`
  await kubectl(cluster, ['create', 'namespace', namespace])
  const tally = { passed: 0, failed: 0, skipped: 0 }
  for (const [title, check] of Object.entries(scenario.checks)) {
    const start = performance.now()
    try {
      await check(cluster, namespace)
      tally.passed++
      report('ok', `${title} (${seconds(start)})`)
    } catch (error) {
      if (error instanceof Skip) {
        tally.skipped++
        report('skip', title, error.message)
      } else {
        tally.failed++
        failures.push(`FAIL ${name} (${formatOptions(cluster.options)}): ${title}: ${message(error).slice(0, SHOWN)}`)
        report('FAIL', `${title} (${seconds(start)})`, message(error), await describeFailure(cluster, namespace))
      }
    }
  }
  await cluster.kubectl(['delete', 'namespace', namespace, '--wait=false'])
  return tally
}

function skipAll(runs: readonly Run[], reason: string): Tally {
  const skipped = runs.reduce((sum, { scenario }) => sum + Object.keys(scenario.checks).length, 0)
  report('skip', `${skipped} checks`, reason)
  return { passed: 0, failed: 0, skipped }
}

function report(mark: string, title: string, ...details: readonly (string | undefined)[]): void {
  print(`${mark.padEnd(4)} ${title}`)
  for (const detail of details) if (detail) print(detail.replaceAll(/^/gm, '     '))
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
