// What was installed, saved before the first file changes: what an uninstall may remove, and what a check compares with.

import { CniError, ErrInvalidNetworkConfig } from '../cni/error.ts'
import { isObject, parseJson } from '../cni/json.ts'
import { Reader } from '../cni/reader.ts'
import { defaultPaths, manifestPath, type Paths } from '../contract/paths.ts'
import { readWhole, replaceText } from '../host/whole-file.ts'

/** The format of the file; a newer one is rejected. */
const FORMAT = 1

export interface InstalledFile {
  /** In the binary directory. */
  readonly name: string
  readonly sha256: string
  /** Of the version before, which is still there after an interrupted installation. */
  readonly previous?: string
  /** The backup name of another project's file with this name, restored by an uninstall. */
  readonly replaced?: string
}

/** Another network's configuration that was moved to the backup directory. */
export interface Backup {
  /** Where it was. */
  readonly path: string
  /** Its name in the backup directory. */
  readonly name: string
}

export interface Manifest {
  readonly version: string
  /** Seconds since the epoch. */
  readonly time: number
  readonly paths: Paths
  readonly files: readonly InstalledFile[]
  /** Octal digits: the permissions that the conflist gets. */
  readonly confMode: string
  /** SHA-256 of the conflist that was published, '' before. */
  readonly conflist: string
  readonly backups: readonly Backup[]
}

/** The manifest of a state directory; undefined where nothing was installed. Throws a CniError where it is invalid. */
export function readManifest(paths: Paths): Manifest | undefined {
  const path = manifestPath(paths)
  const text = readWhole(path)
  if (text === undefined) return undefined
  const json = parseJson(text, path)
  if (!isObject(json)) throw new CniError(ErrInvalidNetworkConfig, `${path} is not a JSON object`)
  const reader = new Reader(json)
  const format = reader.integer('format', 0, 1e6) ?? 0
  if (format > FORMAT)
    throw new CniError(ErrInvalidNetworkConfig, `${path} has format ${format}, this program knows ${FORMAT}: use the newer one`)
  const textOf = (from: Reader, key: string) => from.string(key) ?? ''
  const manifest: Manifest = {
    version: textOf(reader, 'version'),
    time: reader.integer('time', 0, Number.MAX_SAFE_INTEGER) ?? 0,
    paths: reader.object('paths', readPaths) ?? defaultPaths,
    files: reader.objects('files', readFile) ?? [],
    confMode: textOf(reader, 'confMode'),
    conflist: textOf(reader, 'conflist'),
    backups: reader.objects('backups', (entry) => ({ path: textOf(entry, 'path'), name: textOf(entry, 'name') })) ?? [],
  }
  reader.report(`invalid manifest ${path}`)
  return manifest
}

/** Writes it where it differs; true where it did. */
export function writeManifest(paths: Paths, manifest: Manifest): boolean {
  return replaceText(manifestPath(paths), `${JSON.stringify({ format: FORMAT, ...manifest }, undefined, 2)}\n`, 0o600)
}

function readPaths(reader: Reader): Paths {
  const at = (key: keyof Paths) => reader.string(key) || defaultPaths[key]
  return { stateDir: at('stateDir'), runDir: at('runDir'), confDir: at('confDir'), confName: at('confName'), binDir: at('binDir') }
}

function readFile(reader: Reader): InstalledFile {
  const name = reader.string('name') ?? ''
  // It is joined to a directory and deleted there.
  if (name === '' || name.includes('/')) reader.issue('name', `expected a file name, got ${JSON.stringify(name)}`)
  const [previous, replaced] = [reader.string('previous'), reader.string('replaced')]
  return { name, sha256: reader.string('sha256') ?? '', ...(previous && { previous }), ...(replaced && { replaced }) }
}
