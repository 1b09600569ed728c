// Files that are read whole and replaced whole: no reader ever sees half of one, whenever the writer dies.

import { EEXIST, EINVAL, ENOENT, EROFS } from './errno.ts'
import { isSysError, SysError } from './error.ts'
import { O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY, S_IFREG } from './fcntl.ts'
import { readToEnd } from './read-to-end.ts'
import { sys } from './sys.ts'

/** The prefix of a file's name until it is complete. A runtime loads no hidden name. */
const TEMP_PREFIX = '.podwire-'

const CHUNK = 256 << 10

/** The text of the file; undefined where it does not exist. Throws a RangeError above `limit` bytes. */
export function readWhole(path: string, limit = 8 << 20): string | undefined {
  const fd = openIfExists(path)
  if (fd === undefined) return undefined
  try {
    return readToEnd(fd, limit, `${path} is over ${limit} bytes`)
  } finally {
    sys.close(fd)
  }
}

/** Lower-case hex of the file's SHA-256; undefined where it does not exist. */
export function sha256Of(path: string): string | undefined {
  const fd = openIfExists(path)
  if (fd === undefined) return undefined
  try {
    return sys.sha256(fd)
  } finally {
    sys.close(fd)
  }
}

/** The same of several files, by path; names of one file are read once. */
export function sha256OfEach(paths: readonly string[]): ReadonlyMap<string, string | undefined> {
  const hashOf = sha256ByFile()
  return new Map(paths.map((path) => [path, hashOf(path)]))
}

/** `sha256Of` that reads a file of several names once, as long as its content stays. */
export function sha256ByFile(): (path: string) => string | undefined {
  const known = new Map<string, string | undefined>()
  return (path) => {
    const file = identityOf(path)
    if (!known.has(file)) known.set(file, sha256Of(path))
    return known.get(file)
  }
}

function identityOf(path: string): string {
  try {
    const { dev, ino } = sys.stat(path)
    return `${dev} ${ino}`
  } catch (error) {
    if (isSysError(error)) return path
    throw error
  }
}

/**
 * Replaces the file at `path` by what `fill` writes: a temp file in the same directory, its mode, its content synced to the disk, then the
 * rename. A failure leaves the old file and no temp file; `inspect` may throw after reading the complete temp file.
 */
export function replaceFile(path: string, mode: number, fill: (fd: number) => void, inspect?: (temp: string) => void): void {
  const temp = tempBeside(path)
  const fd = sys.open(temp, O_WRONLY | O_CREAT | O_EXCL, mode)
  try {
    try {
      sys.fchmod(fd, mode)
      fill(fd)
      sys.fsync(fd)
    } catch (error) {
      // These calls know no path, and the reader of the error needs one.
      throw isSysError(error) ? new SysError(`write ${path}`, error.errno) : error
    } finally {
      sys.close(fd)
    }
    inspect?.(temp)
    sys.rename(temp, path)
  } catch (error) {
    removeIfExists(temp)
    throw error
  }
  syncDirectory(directoryOf(path))
}

/** The same for a text; false where the file has that text and mode already. */
export function replaceText(path: string, text: string, mode: number): boolean {
  if (hasMode(path, mode) && readWhole(path) === text) return false
  replaceFile(path, mode, (fd) => sys.write(fd, text))
  return true
}

/** Makes `path` a second name of the file `of` in the same directory, replacing what is there. */
export function replaceByLink(of: string, path: string): void {
  const temp = tempBeside(path)
  sys.link(of, temp)
  try {
    sys.rename(temp, path)
  } catch (error) {
    removeIfExists(temp)
    throw error
  }
  syncDirectory(directoryOf(path))
}

/** Copies the rest of one file into the other. */
export function copyRest(from: number, to: number): void {
  for (let part = sys.read(from, CHUNK); part.byteLength > 0; part = sys.read(from, CHUNK)) sys.write(to, new Uint8Array(part))
}

/** Copies a file with its permissions, as `replaceFile` does. */
export function copyFile(from: string, to: string): void {
  const fd = sys.open(from, O_RDONLY)
  try {
    replaceFile(to, sys.fstat(fd).mode & 0o7777, (out) => copyRest(fd, out))
  } finally {
    sys.close(fd)
  }
}

/** Removes the temp files of writers that died; no other process may be writing there. Returns their names. */
export function removeTempFiles(directory: string): string[] {
  const tempFiles = namesIn(directory).filter((name) => name.startsWith(TEMP_PREFIX))
  try {
    return tempFiles.filter((name) => removeIfExists(`${directory}/${name}`))
  } catch (error) {
    // They cannot do harm where nothing can be written.
    if (isSysError(error, EROFS)) return []
    throw error
  }
}

/** The names in a directory, sorted by their code units; none where there is no directory. */
export function namesIn(directory: string): string[] {
  try {
    return sys.getdents(directory).sort()
  } catch (error) {
    if (isSysError(error, ENOENT)) return []
    throw error
  }
}

/** Deletes the file; false where it does not exist. */
export function removeIfExists(path: string): boolean {
  try {
    sys.unlink(path)
    return true
  } catch (error) {
    if (isSysError(error, ENOENT)) return false
    throw error
  }
}

/** `mkdir -p` */
export function makeDirectories(path: string, mode = 0o755): void {
  try {
    sys.mkdir(path, mode)
  } catch (error) {
    if (isSysError(error, EEXIST)) return
    // A directory that is there on a read-only file system.
    if (isSysError(error, EROFS) && exists(path)) return
    const above = directoryOf(path)
    if (!isSysError(error, ENOENT) || above === path) throw error
    makeDirectories(above, mode)
    makeDirectories(path, mode)
  }
}

export function exists(path: string): boolean {
  try {
    sys.lstat(path)
    return true
  } catch (error) {
    if (isSysError(error, ENOENT)) return false
    throw error
  }
}

export function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '.' : path.slice(0, slash) || '/'
}

/** True where the file is there with exactly these permissions, and no link. */
export function hasMode(path: string, mode: number): boolean {
  try {
    return sys.lstat(path).mode === (S_IFREG | mode)
  } catch (error) {
    if (isSysError(error, ENOENT)) return false
    throw error
  }
}

/** A rename is on the disk when its directory is. */
export function syncDirectory(directory: string): void {
  const fd = sys.open(directory, O_RDONLY)
  try {
    sys.fsync(fd)
  } catch (error) {
    // Some file systems of FUSE know no fsync of a directory.
    if (!isSysError(error, EINVAL)) throw error
  } finally {
    sys.close(fd)
  }
}

function tempBeside(path: string): string {
  const random = new Uint8Array(sys.getrandom(6))
  return `${directoryOf(path)}/${TEMP_PREFIX}${[...random].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** A named pipe does not block the caller. */
function openIfExists(path: string): number | undefined {
  try {
    return sys.open(path, O_RDONLY | O_NONBLOCK)
  } catch (error) {
    if (isSysError(error, ENOENT)) return undefined
    throw error
  }
}
