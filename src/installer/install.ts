// `podwire install`: copies the plugins onto the node, tests each, and stages the conflist for the agent. May be interrupted at any moment and run again.

import { CniError, ErrInvalidNetworkConfig, ErrIOFailure } from '../cni/error.ts'
import { isObject, type JsonObject, parseJson } from '../cni/json.ts'
import { type Paths, templatePath } from '../contract/paths.ts'
import { EACCES, ENOSPC, EPERM, EROFS } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { makeDirectories, readWhole, removeTempFiles, replaceText } from '../host/whole-file.ts'
import {
  type CheckPlugin,
  conflistProblems,
  defaultTemplate,
  formatConflist,
  type TemplateOptions,
  templateProblems,
  withOptions,
  withRanges,
} from './conflist.ts'
import { withLock } from './lock.ts'
import { type Manifest, readManifest, writeManifest } from './manifest.ts'
import { copyFiles, type FileReport, planFiles, unchangedFiles } from './plugin-files.ts'

export interface InstallOptions extends TemplateOptions {
  readonly paths: Paths
  readonly version: string
  /** Every name that the program has. */
  readonly names: readonly string[]
  readonly skip: readonly string[]
  /** The chart's conflist; undefined for the default. */
  readonly conflistFile: string | undefined
  /** Octal digits. */
  readonly confMode: string
  readonly check: CheckPlugin
}

export interface InstallReport {
  readonly version: string
  readonly paths: Paths
  readonly sha256: string
  readonly files: readonly FileReport[]
  readonly template: { readonly path: string; readonly changed: boolean }
}

/** Throws a CniError where it fails; the files that were there before are unchanged. */
export function install(options: InstallOptions): InstallReport {
  const { paths } = options
  // An invalid one must not leave half an installation.
  const template = readTemplate(options)
  return writing(paths.stateDir, () => withLock(paths, () => installWithLock(options, template)))
}

function installWithLock(options: InstallOptions, template: JsonObject): InstallReport {
  const { paths, version, names, skip, confMode } = options
  removeTempFiles(paths.stateDir)
  const old = readManifest(paths)
  const plan = planFiles(paths.binDir, names, skip, old)
  const base = { version, paths, confMode, conflist: old?.conflist ?? '', backups: old?.backups ?? [] }
  const files = copyFiles(plan, () => writing(paths.stateDir, () => writeManifest(paths, { ...base, time: now(), files: plan.files })))
  const changed = replaceText(templatePath(paths), formatConflist(template), 0o600)
  const final = unchangedFiles(plan)
  if (!isSame(old, { ...base, files: final })) writeManifest(paths, { ...base, time: now(), files: final })
  // The runtime would make it 0700, and some programs read it as another user.
  makeDirectories(paths.confDir)
  return { version, paths, sha256: plan.sha256, files, template: { path: templatePath(paths), changed } }
}

function readTemplate(options: InstallOptions): JsonObject {
  const { conflistFile, paths, check } = options
  const given = conflistFile === undefined ? defaultTemplate(paths) : readConflist(conflistFile)
  const template = withOptions(given, options)
  // With sample ranges it must be as valid as the one that will be published.
  const filled = withRanges(template, ['10.0.0.0/24', 'fd00::/64'], 0)
  const problems = [...templateProblems(template), ...conflistProblems(filled, check)]
  if (problems.length > 0) {
    throw new CniError(
      ErrInvalidNetworkConfig,
      `invalid conflist ${conflistFile ?? 'template'}: ${problems.length} problems`,
      problems.join('\n'),
    )
  }
  return template
}

function readConflist(path: string): JsonObject {
  const text = readWhole(path)
  if (text === undefined) throw new CniError(ErrIOFailure, `${path} is missing`)
  const json = parseJson(text, path)
  if (!isObject(json)) throw new CniError(ErrInvalidNetworkConfig, `${path} is not a JSON object`)
  return json
}

/** The time of an installation that changed nothing is that of the one before. */
function isSame(old: Manifest | undefined, now: Omit<Manifest, 'time'>): boolean {
  return old !== undefined && JSON.stringify({ ...now, time: old.time }, keys) === JSON.stringify(old, keys)
}

/** The order of the keys means nothing. */
function keys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function now(): number {
  return Math.floor(sys.clock_gettime(0))
}

function writing<T>(directory: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!isSysError(error, EROFS, ENOSPC, EACCES, EPERM)) throw error
    throw new CniError(ErrIOFailure, `cannot save the manifest in ${directory}`, error.message)
  }
}
