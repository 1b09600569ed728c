// The program under all its names in the binary directory: each name changes from one complete, tested file to another, or not at all.

import { CniError, ErrIOFailure } from '../cni/error.ts'
import { EACCES, ENOSPC, EPERM, EROFS } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import {
  copyRest,
  exists,
  hasMode,
  makeDirectories,
  removeTempFiles,
  replaceByLink,
  replaceFile,
  sha256Of,
  sha256OfEach,
} from '../host/whole-file.ts'
import type { InstalledFile, Manifest } from './manifest.ts'
import { tryProgram } from './self-test.ts'

const SELF = '/proc/self/exe'
/** The other names are hard links to this one. */
const FIRST = 'podwire'
const MODE = 0o755

export interface FileReport {
  readonly name: string
  readonly action: 'written' | 'linked' | 'unchanged' | 'skipped'
}

/** What the binary directory has under each name, and what it must have. */
export interface FilePlan {
  readonly binDir: string
  readonly names: readonly string[]
  readonly skipped: readonly string[]
  readonly sha256: string
  /** Those with another content than this program, or missing. */
  readonly different: readonly string[]
  /** Those of them that another program installed. */
  readonly unmanaged: readonly string[]
  /** Those to be replaced: the different ones, and those with the wrong permissions. */
  readonly stale: readonly string[]
  /** For the manifest, before the first name changes. */
  readonly files: readonly InstalledFile[]
}

/** Reads the directory and changes nothing. `old` is the manifest of the installation before. */
export function planFiles(binDir: string, names: readonly string[], skipped: readonly string[], old: Manifest | undefined): FilePlan {
  const wanted = [FIRST, ...names.filter((name) => name !== FIRST && !skipped.includes(name))]
  const sha256 = sha256Of(SELF) ?? ''
  const hashes = sha256OfEach(wanted.map((name) => `${binDir}/${name}`))
  const foundAs = (name: string) => hashes.get(`${binDir}/${name}`)
  const knownAs = (name: string) => old?.files.find((file) => file.name === name)
  const different = wanted.filter((name) => foundAs(name) !== sha256)
  const stale = wanted.filter((name) => different.includes(name) || !hasMode(`${binDir}/${name}`, MODE))
  const unmanaged = different.filter((name) => !isOwn(binDir, name, foundAs(name), knownAs(name)))
  const files = wanted.map((name) => manifestEntry(name, sha256, unmanaged.includes(name), knownAs(name)))
  // What an earlier installation brought and this one leaves out is still podwire's to remove.
  const left = (old?.files ?? []).filter(({ name }) => !wanted.includes(name))
  return { binDir, names: wanted, skipped, sha256, different, unmanaged, stale, files: [...files, ...left] }
}

/** Whether the file with the hash `found` may be replaced without a backup. */
function isOwn(binDir: string, name: string, found: string | undefined, known: InstalledFile | undefined): boolean {
  if (found === undefined || isLinkToFirst(binDir, name)) return true
  if (!known) return false
  if (found === known.sha256 || found === known.previous) return true
  // In the manifest, but interrupted before its backup. Otherwise the name is podwire's, and the file is damaged.
  return !known.replaced || exists(`${binDir}/${known.replaced}`)
}

function manifestEntry(name: string, sha256: string, isUnmanaged: boolean, known: InstalledFile | undefined): InstalledFile {
  const replaced = isUnmanaged ? `${name}.before-podwire` : known?.replaced
  const previous = known && known.sha256 !== sha256 ? known.sha256 : known?.previous
  return { name, sha256, ...(previous && { previous }), ...(replaced && { replaced }) }
}

/** Replaces the stale files; `announce` is called before the first name changes. Throws a CniError that names the remedy. */
export function copyFiles(plan: FilePlan, announce: () => void): FileReport[] {
  const { binDir, names, stale, skipped } = plan
  const done = new Map<string, FileReport['action']>()
  const path = (name: string) => `${binDir}/${name}`
  if (stale.length > 0) {
    explain(plan, () => {
      makeDirectories(binDir)
      removeTempFiles(binDir)
      if (stale.includes(FIRST)) {
        copySelf(path(FIRST), announce)
        done.set(FIRST, 'written')
      } else announce()
      for (const name of stale.filter((one) => one !== FIRST)) {
        backUp(plan, name)
        done.set(name, linkOrCopy(path(FIRST), path(name)))
      }
    })
  }
  for (const name of names) tryProgram(path(name))
  return [
    ...names.map((name): FileReport => ({ name, action: done.get(name) ?? 'unchanged' })),
    ...skipped.map((name): FileReport => ({ name, action: 'skipped' })),
  ]
}

/** The manifest's list once every file is in place. */
export function unchangedFiles({ files, names }: FilePlan): InstalledFile[] {
  return files.map(({ previous, ...file }) => (previous && !names.includes(file.name) ? { ...file, previous } : file))
}

function copySelf(path: string, inspect: () => void = () => {}): void {
  const self = sys.open(SELF, 0)
  const look = (temp: string) => {
    tryProgram(temp, path)
    inspect()
  }
  try {
    replaceFile(path, MODE, (fd) => copyRest(self, fd), look)
  } finally {
    sys.close(self)
  }
}

/** Names of one file share its pages in memory. */
function linkOrCopy(first: string, path: string): 'linked' | 'written' {
  try {
    replaceByLink(first, path)
    return 'linked'
  } catch (error) {
    if (!isSysError(error) || isSysError(error, EROFS, ENOSPC)) throw error
    // A file system without links, or with a limit on them.
    copySelf(path)
    return 'written'
  }
}

/** Another program's plugin of this name (the distribution's `bridge`) is restored by an uninstall. */
function backUp({ binDir, files, unmanaged }: FilePlan, name: string): void {
  const backup = files.find((file) => file.name === name)?.replaced
  if (backup && unmanaged.includes(name)) replaceByLink(`${binDir}/${name}`, `${binDir}/${backup}`)
}

/** An older podwire's names are one file, whatever became of its manifest. */
function isLinkToFirst(binDir: string, name: string): boolean {
  if (name === FIRST) return true
  if (!exists(`${binDir}/${FIRST}`)) return false
  const [first, other] = [sys.lstat(`${binDir}/${FIRST}`), sys.lstat(`${binDir}/${name}`)]
  return first.ino === other.ino && first.dev === other.dev
}

function explain({ binDir, different }: FilePlan, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!isSysError(error)) throw error
    const { message } = error
    // The files are right and only their permissions could be better: whether they run is seen next.
    if (isSysError(error, EROFS) && different.length === 0) return
    const missing = different.map((name) => (exists(`${binDir}/${name}`) ? `${name} (another version)` : name)).join(', ')
    if (isSysError(error, EROFS)) {
      throw new CniError(
        ErrIOFailure,
        `${binDir} is read-only and lacks ${missing}: put the files of this version there, or choose another --bin-dir`,
      )
    }
    if (isSysError(error, ENOSPC)) throw new CniError(ErrIOFailure, `the file system of ${binDir} is full`, message)
    if (isSysError(error, EACCES, EPERM)) throw new CniError(ErrIOFailure, `${binDir} cannot be written`, message)
    throw error
  }
}
