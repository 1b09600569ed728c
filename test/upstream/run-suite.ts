// One suite in a throw-away host, whose `/run/upstream/cni` are our programs; each notes that it ran.

import { type Host, pluginPath, withHost } from '../harness/throwaway-host.ts'
import type { Suite } from './suites.ts'
import { goEnvironment, packageFolder, testProgram } from './tree.ts'
import type { Report } from './verdict.ts'

export interface SuiteRun {
  readonly reports: readonly Report[]
  readonly seconds: number
  /** Everything that the suite printed. */
  readonly output: string
  /** Why the reports are not all of them. */
  readonly broken: string | undefined
}

export interface SuiteOptions {
  /** Only the tests whose names match this regular expression. */
  readonly focus?: string | undefined
  /** The folder of the reference plugins, to be tested instead of ours. */
  readonly theirs?: string | undefined
}

/** Runs a suite from its first test to its last, whatever they come to. */
export function runSuite(tree: string, suite: Suite, { focus, theirs }: SuiteOptions = {}): Promise<SuiteRun> {
  return withHost(async (host) => {
    await host.run('sh', '-ec', wrap, 'sh', theirs ?? pluginPath)
    if (theirs !== undefined) await host.run('touch', '/run/upstream/theirs')
    const start = performance.now()
    const args = ['-ginkgo.v', '-ginkgo.no-color', ...(focus === undefined ? [] : [`-ginkgo.focus=${focus}`])]
    const { status, stdout, stderr } = await host.exec(
      'sh',
      ['-c', 'cd "$0" && exec "$@"', packageFolder(tree, suite), testProgram(tree, suite), ...args],
      { env: environment(host), timeout: (suite.limit ?? 600) * 1000 },
    )
    const seconds = (performance.now() - start) / 1000
    const reports = await readReports(host)
    const failed = reports.some(({ State }) => !['passed', 'skipped', 'pending'].includes(State))
    return {
      reports,
      seconds,
      output: `${stdout}\n${stderr}`,
      broken: status === 0 || (status === 1 && failed) ? undefined : `ended with ${status}`,
    }
  })
}

// The same programs, under their names, with a line in the witness for each start.
const wrap = `
mkdir -p /run/upstream/cni
for file in "$1"/*; do
  name=\${file##*/}
  printf '#!/bin/sh\\necho %s >>/run/upstream/witness\\nexec %s "$@"\\n' "$name" "$file" >"/run/upstream/cni/$name"
  chmod +x "/run/upstream/cni/$name"
done
`

function environment(host: Host): Record<string, string> {
  return {
    ...goEnvironment,
    // All that a test builds for itself is in the module cache by now.
    GOPROXY: 'off',
    PATH: `/run/upstream/cni:${goEnvironment.PATH}`,
    HOME: process.env.HOME ?? '/root',
    TMPDIR: host.dir,
  }
}

async function readReports(host: Host): Promise<Report[]> {
  const { stdout } = await host.exec('cat', ['/run/upstream/report'])
  // Our own file, a test a line.
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Report)
}
