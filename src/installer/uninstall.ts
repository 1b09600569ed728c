// `podwire uninstall`: removes exactly what the manifest and the marks name, starting with what runtimes use. Never a directory that a runtime watches.

import { CniError, ErrTryAgainLater } from '../cni/error.ts'
import { isObject, parseJson } from '../cni/json.ts'
import {
  backupDir,
  conflistPath,
  convergedPath,
  desiredPath,
  ipamSocketPath,
  leaseRoot,
  manifestPath,
  type Paths,
  releaseSpool,
  statusPath,
  statusTempPath,
  stickyPath,
  templatePath,
} from '../contract/paths.ts'
import type { Problem } from '../contract/problem.ts'
import { EBUSY, ENOENT, ENOTEMPTY, EROFS } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { S_IFDIR, S_IFMT } from '../host/fcntl.ts'
import { sys } from '../host/sys.ts'
import {
  copyFile,
  directoryOf,
  exists,
  namesIn,
  readWhole,
  removeIfExists,
  removeTempFiles,
  sha256ByFile,
  sha256Of,
  syncDirectory,
} from '../host/whole-file.ts'
import { pluginsOf } from './conflist.ts'
import { lockPath, withLock } from './lock.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { Report, type UninstallReport } from './uninstall-report.ts'

/** What was removed, or in a dry run would be. */
export interface Removal {
  readonly removed: readonly { readonly kind: string; readonly object: string }[]
  readonly problems: readonly Problem[]
}

/** The parts of other rooms. */
export interface NodeWork {
  /** Pods that are attached, a line each. */
  readonly pods: () => readonly string[]
  /** Routes, devices and packet filter of the node; with `dryRun` only lists them. */
  readonly removeNode: (dryRun: boolean) => Removal
  /** Links of pods; the same. */
  readonly removePodLinks: (dryRun: boolean) => Removal
}

export interface UninstallOptions {
  readonly paths: Paths
  readonly dryRun: boolean
  /** Also while pods are attached; their links are removed too. */
  readonly force: boolean
  readonly work: NodeWork
}

/** May be repeated. Throws CniError 11 while pods are attached, unless `force`; every other failure is a problem, and the rest continues. */
export function uninstall(options: UninstallOptions): UninstallReport {
  const { paths, force, work } = options
  const pods = work.pods()
  if (pods.length > 0 && !force) {
    const details = [...pods.slice(0, 20), ...(pods.length > 20 ? ['…'] : [])].join('\n')
    throw new CniError(
      ErrTryAgainLater,
      `${pods.length} pods are attached: drain the node first, or use --force to delete their links`,
      details,
    )
  }
  // The lock's directory must not be made by a dry run.
  return exists(paths.stateDir) && !options.dryRun ? withLock(paths, () => removeAll(options)) : removeAll(options)
}

function removeAll({ paths, dryRun, force, work }: UninstallOptions): UninstallReport {
  const report = new Report(dryRun)
  let manifest: Manifest | undefined
  report.attempt('manifest', manifestPath(paths), () => {
    manifest = readManifest(paths)
  })
  removeConflist(paths, manifest, report)
  for (const remove of force ? [work.removeNode, work.removePodLinks] : [work.removeNode]) {
    report.attempt('kernel', 'the node', () => {
      const { removed, problems } = remove(dryRun)
      report.removed.push(...removed)
      report.problems.push(...problems)
    })
  }
  removeTree(leaseRoot(paths), report)
  if (manifest) {
    removeFiles(paths, manifest, report)
    restoreBackups(paths, manifest, report)
  } else if (exists(`${paths.binDir}/podwire`))
    report.keep(`${paths.binDir}/podwire`, 'there is no manifest, so another installer may have brought it')
  for (const path of [statusPath(paths), statusTempPath(paths), ipamSocketPath(paths), `${paths.runDir}/agent.lock`])
    removeFile(path, report)
  removeDirectory(paths.runDir, report)
  removeState(paths, report)
  return report
}

/** First: from now on the runtime starts no pod with what is about to be removed. */
function removeConflist(paths: Paths, manifest: Manifest | undefined, report: Report): void {
  const path = conflistPath(paths)
  report.attempt('conflist', path, () => {
    if (!exists(path)) return
    const sha256 = sha256Of(path)
    if (sha256 !== manifest?.conflist && !namesPodwire(path))
      return report.keep(path, 'it is not the one that was published, and has no podwire in it')
    removeFile(path, report, 'conflist')
  })
  if (!report.dryRun) report.attempt('conflist', paths.confDir, () => removeTempFiles(paths.confDir))
}

function namesPodwire(path: string): boolean {
  try {
    const list = parseJson(readWhole(path) ?? '', path)
    return isObject(list) && pluginsOf(list).some(({ type }) => type === 'podwire')
  } catch {
    return false
  }
}

function removeFiles({ binDir }: Paths, { files }: Manifest, report: Report): void {
  const hashOf = sha256ByFile()
  for (const { name, sha256, previous, replaced } of files) {
    const path = `${binDir}/${name}`
    report.attempt('file', path, () => {
      const found = hashOf(path)
      const own = found !== undefined && (found === sha256 || found === previous)
      if (found !== undefined && !own) return report.keep(path, 'it was changed since it was installed')
      if (replaced && exists(`${binDir}/${replaced}`)) {
        report.step('restored', path, () => {
          sys.rename(`${binDir}/${replaced}`, path)
          syncDirectory(binDir)
        })
      } else if (own) removeFile(path, report, 'file')
    })
  }
  if (!report.dryRun) report.attempt('file', binDir, () => removeTempFiles(binDir))
}

/** A name that is in use again is left alone. */
function restoreBackups(paths: Paths, { backups }: Manifest, report: Report): void {
  for (const { path, name } of backups) {
    const backup = `${backupDir(paths)}/${name}`
    report.attempt('backup', path, () => {
      if (!exists(backup)) return
      if (exists(path)) return report.keep(backup, `${path} is there again`)
      report.step('restored', path, () => {
        copyFile(backup, path)
        removeIfExists(backup)
      })
    })
  }
}

/** The manifest stays as long as anything that it names. */
function removeState(paths: Paths, report: Report): void {
  if (!exists(paths.stateDir)) return
  removeTree(releaseSpool(paths), report)
  for (const path of [desiredPath(paths), convergedPath(paths), templatePath(paths), stickyPath(paths)]) removeFile(path, report)
  if (!report.dryRun) report.attempt('file', paths.stateDir, () => removeTempFiles(paths.stateDir))
  removeDirectory(backupDir(paths), report)
  if (report.problems.length > 0) return
  for (const path of [manifestPath(paths), lockPath(paths)]) removeFile(path, report)
  removeDirectory(paths.stateDir, report)
}

function removeTree(path: string, report: Report): void {
  if (!exists(path)) return
  report.step('leases', path, () => clear(path))
}

function clear(directory: string): void {
  for (const name of namesIn(directory)) {
    const path = `${directory}/${name}`
    if ((sys.lstat(path).mode & S_IFMT) === S_IFDIR) clear(path)
    else removeIfExists(path)
  }
  sys.rmdir(directory)
}

function removeFile(path: string, report: Report, kind = 'file'): void {
  report.attempt(kind, path, () => {
    if (!exists(path)) return
    report.step(kind, path, () => {
      removeIfExists(path)
      syncDirectory(directoryOf(path))
    })
  })
}

/** Only where it is empty; a directory that a container has mounted stays. */
function removeDirectory(path: string, report: Report): void {
  if (!exists(path)) return
  try {
    if (!report.dryRun) sys.rmdir(path)
    report.note('directory', path)
  } catch (error) {
    if (isSysError(error, ENOTEMPTY)) report.keep(path, `it has other files in it: ${namesIn(path).slice(0, 5).join(' ')}`)
    else if (!isSysError(error, ENOENT, EBUSY, EROFS)) throw error
  }
}
