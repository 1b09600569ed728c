// Kubernetes' e2e.test against a cluster: what it has, and a run of chosen tests by Ginkgo's parallel runner.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { mustRun } from '../command.ts'
import type { Cluster } from '../driver.ts'
import { on } from '../kubernetes.ts'
import { note } from '../scenario.ts'
import { focusOf } from './choose.ts'
import { type Result, readReport, suiteFailures } from './report.ts'

/** The names of all tests in an e2e.test. */
export async function listTests(program: string): Promise<string[]> {
  const list = await mustRun([program, '--list-tests'], { timeout: 120_000 })
  return list.split('\n').flatMap((line) => /^\s+\S+:\d+: (.*)$/.exec(line)?.[1] ?? [])
}

export interface SuiteRun {
  /** The folder of programs.sh. */
  readonly programs: string
  readonly tests: readonly string[]
  /** How many tests at a time; those that are [Serial] come alone, at the end. */
  readonly processes: number
  /** Where `log` and `report.json` go. */
  readonly folder: string
  readonly minutes: number
}

/** Runs them; throws where the suite itself failed, or a pod waits for an image that no node has. */
export async function runSuite(cluster: Cluster, { programs, tests, processes, folder, minutes }: SuiteRun): Promise<Result[]> {
  const log = join(folder, 'log')
  const ginkgo = [
    join(programs, 'ginkgo'),
    `--procs=${processes}`,
    `--timeout=${minutes}m`,
    '--no-color',
    '--json-report=report.json',
    `--output-dir=${folder}`,
    `--focus=${focusOf(tests)}`,
    join(programs, 'e2e.test'),
    '--',
    '--provider=skeleton',
    `--kubeconfig=${cluster.kubeconfig}`,
    `--kubectl-path=${join(cluster.programs, 'kubectl')}`,
    '--disable-log-dump',
    // Without it tests take the cluster for one of a single node, and skip themselves.
    `--num-nodes=${on(cluster).length}`,
  ]
  const running = cluster.startOutside(['sh', '-c', 'log=$1; shift; exec "$@" >"$log" 2>&1', 'sh', log, ...ginkgo])
  const ended = running.finish((minutes + 1) * 60_000).then(() => true)
  for (;;) {
    if (await Promise.race([ended, sleep(20_000, false)])) break
    const missing = await missingImages(cluster)
    if (missing.length > 0) {
      await running.kill()
      throw new Error(`no node has what pods ask for, so their tests would wait ten minutes each:\n${missing.join('\n')}`)
    }
    note(`${(readFileSync(log, 'utf8').match(/^[•S]+/gm) ?? []).join('').replaceAll('S', '').length} of ${tests.length}`)
  }
  return collect(folder, log, tests)
}

function collect(folder: string, log: string, tests: readonly string[]): Result[] {
  let report: string
  try {
    report = readFileSync(join(folder, 'report.json'), 'utf8')
  } catch {
    throw new Error(`Ginkgo wrote no report: ${readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n')}`)
  }
  const failures = suiteFailures(report)
  if (failures.length > 0) throw new Error(failures.join('\n'))
  return readReport(report, tests)
}

/** What the kubelets could not pull. */
async function missingImages(cluster: Cluster): Promise<string[]> {
  const path = '{range .items[*]}{.involvedObject.namespace}/{.involvedObject.name}: {.message}{"\\n"}{end}'
  const events = await cluster.kubectl(['get', 'events', '-A', '--field-selector', 'reason=Failed', '-o', `jsonpath=${path}`])
  return events.stdout.split('\n').filter((line) => line.includes('Failed to pull image'))
}
