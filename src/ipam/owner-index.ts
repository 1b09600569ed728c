// Finds an owner's leases without reading the directory. An index of this boot, `.owners-<boot id>/`, has one symbolic link per owner whose target
// lists the addresses: `<id>:<ifname>` → `10.1.0.5 fd00::5`. It points nowhere, so host-local's own walk passes over it.
//
// The lease files are the truth. The index is complete exactly while the directory's modification time is the one that seal() set:
// a date long past, made of the boot id. Any other process that adds or removes a lease (another plugin, an admin, a crash half
// way) makes the kernel write the present time over it, and the next one walks the files once.

import { ENOENT } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'

export const indexPrefix = '.owners-'

export function indexName(boot: string): string {
  return `${indexPrefix}${boot}`
}

export interface OwnerIndex {
  /** False where the directory has changed under it: then `replace` comes first. */
  readonly complete: boolean
  /** The addresses of an owner's key, as text. */
  get(key: string): readonly string[]
  set(key: string, addresses: readonly string[]): void
  /** Replaces all entries. */
  replace(entries: ReadonlyMap<string, readonly string[]>): void
  /** Writes what was set and vouches for it. The last act on the directory; a failure costs the next one a walk and nothing else. */
  seal(): void
}

export function openOwnerIndex(directory: string, boot: string): OwnerIndex {
  const path = `${directory}/${indexName(boot)}`
  const sealTime = sealTimeOf(boot)
  const onDisk = new Map<string, readonly string[]>()
  const wanted = new Map<string, readonly string[]>()

  const read = (key: string): readonly string[] => {
    const addresses = onDisk.get(key) ?? readEntry(`${path}/${key}`)
    onDisk.set(key, addresses)
    return addresses
  }
  const write = (key: string, addresses: readonly string[]): void => {
    const present = read(key)
    if (present.join(' ') === addresses.join(' ')) return
    if (present.length > 0) sys.unlink(`${path}/${key}`)
    if (addresses.length > 0) sys.symlink(addresses.join(' '), `${path}/${key}`)
  }

  return {
    // The dot: a link in the place of the directory has a time of its own.
    complete: sys.lstat(`${directory}/.`).mtime === sealTime,
    get: (key) => wanted.get(key) ?? read(key),
    set: (key, addresses) => {
      wanted.set(key, addresses)
    },
    replace: (entries) => {
      const present = listIndex(path)
      wanted.clear()
      onDisk.clear()
      // An entry that is not listed does not exist, and is not read.
      for (const key of entries.keys()) onDisk.set(key, [])
      for (const key of present) {
        onDisk.delete(key)
        wanted.set(key, [])
      }
      for (const [key, addresses] of entries) wanted.set(key, addresses)
    },
    seal: () => {
      try {
        for (const [key, addresses] of wanted) write(key, addresses)
        sys.utimensat(directory, sealTime)
      } catch (error) {
        if (!isSysError(error)) throw error
        breakSeal(directory)
      }
    },
  }
}

/** The addresses that an index entry lists; none where the entry does not exist. */
export function readEntry(path: string): readonly string[] {
  try {
    return sys.readlink(path).split(' ')
  } catch (error) {
    if (isSysError(error, ENOENT)) return []
    throw error
  }
}

/** Removes the index of another boot. */
export function removeIndex(path: string): void {
  for (const key of sys.getdents(path)) sys.unlink(`${path}/${key}`)
  sys.rmdir(path)
}

/** Whole seconds, since not every file system keeps fractions; at most 2004, which no clock shows that containers run under. */
function sealTimeOf(boot: string): number {
  return (Number.parseInt(boot.slice(0, 8), 16) || 4) >>> 2
}

function listIndex(path: string): string[] {
  try {
    return sys.getdents(path)
  } catch (error) {
    if (isSysError(error, ENOENT)) return []
    throw error
  }
}

function breakSeal(directory: string): void {
  try {
    sys.utimensat(directory, Math.floor(sys.clock_gettime(0)))
  } catch (error) {
    if (!isSysError(error)) throw error
  }
}
