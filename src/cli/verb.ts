// What a command is, and the flags that many of them have.

import { defaultPaths, type Paths, presets } from '../contract/paths.ts'
import { formatProblem, type Problem } from '../contract/problem.ts'
import { readManifest } from '../installer/manifest.ts'
import type { Flag, Given } from './args.ts'
import { printError, printJson } from './output.ts'

/** Exit statuses: they mean the same in every command. */
export const DONE = 0
export const FAILED = 1
export const USAGE = 2

export interface Verb {
  /** As it is typed: `node apply`. */
  readonly name: string
  readonly about: string
  /** More for its own help, lines. */
  readonly details?: readonly string[]
  readonly flags: readonly Flag[]
  /** Returns the exit status; a CniError or SysError thrown is `FAILED`, a UsageError `USAGE`. */
  readonly run: (given: Given) => number
}

/** A value that its flag cannot have. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const flag = (name: string, value: string, about: string, fallback?: string): Flag => ({
  name,
  value,
  about,
  ...(fallback && { fallback }),
})

export const stateDirFlag = flag('state-dir', 'DIR', 'the directory of the desired state', defaultPaths.stateDir)
const runDirFlag = flag('run-dir', 'DIR', 'directory of leases and status', defaultPaths.runDir)
const confDirFlag = flag('conf-dir', 'DIR', 'directory of network configurations', defaultPaths.confDir)
const confNameFlag = flag('conf-name', 'FILE', 'file name of the conflist', defaultPaths.confName)
const binDirFlag = flag('bin-dir', 'DIR', 'directory of plugins', defaultPaths.binDir)
const presetFlag: Flag = { name: 'preset', value: 'NAME', about: 'conf-dir and bin-dir of a distribution', choices: Object.keys(presets) }
export const pathFlags: readonly Flag[] = [stateDirFlag, runDirFlag, confDirFlag, confNameFlag, binDirFlag, presetFlag]

export const outputFlag: Flag = {
  name: 'output',
  short: 'o',
  value: 'FORM',
  about: 'table or json',
  choices: ['table', 'json'],
  fallback: 'table',
}
export const dryRunFlag: Flag = { name: 'dry-run', about: 'only report what would be done' }

/** The five paths: of a flag, else the preset, else the installation on this node, else the defaults. */
export function pathsFrom(given: Given, useInstalled = true): Paths {
  const preset = presets[given.get('preset') ?? 'generic'] ?? {}
  const stateDir = absolute(given, 'state-dir') ?? defaultPaths.stateDir
  const installed = useInstalled ? installedPaths({ ...defaultPaths, stateDir }) : undefined
  const base = { ...defaultPaths, ...installed, ...preset }
  const confName = given.get('conf-name') ?? base.confName
  if (confName.includes('/') || confName.startsWith('.') || !confName.endsWith('.conflist')) {
    throw new UsageError(`--conf-name: expected a file name that ends with .conflist, got ${JSON.stringify(confName)}`)
  }
  return {
    stateDir,
    runDir: absolute(given, 'run-dir') ?? base.runDir,
    confDir: absolute(given, 'conf-dir') ?? base.confDir,
    confName,
    binDir: absolute(given, 'bin-dir') ?? base.binDir,
  }
}

export function wantsJson(given: Given): boolean {
  return given.get('output') === 'json'
}

/** Prints a report in the requested form, and its problems a line each on stderr; returns the exit status. */
export function finish(
  given: Given,
  report: { readonly problems: readonly Problem[] },
  text: () => void,
  failed = report.problems.length > 0,
): number {
  if (wantsJson(given)) printJson(report)
  else text()
  for (const problem of report.problems) printError(formatProblem(problem))
  return failed ? FAILED : DONE
}

/** A manifest that cannot be read is the business of the verbs that need it. */
function installedPaths(paths: Paths): Paths | undefined {
  try {
    return readManifest(paths)?.paths
  } catch {
    return undefined
  }
}

function absolute(given: Given, name: string): string | undefined {
  const path = given.get(name)
  if (path === undefined) return undefined
  if (!path.startsWith('/')) throw new UsageError(`--${name}: expected an absolute path, got ${JSON.stringify(path)}`)
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
