// Sweeps a lease directory after a crash, another plugin or another boot. Under the lock only.

import { isSysError } from '../host/error.ts'
import { S_IFLNK, S_IFMT } from '../host/fcntl.ts'
import { sys } from '../host/sys.ts'
import { indexName, indexPrefix, removeIndex } from './owner-index.ts'
import { type Lease, scanLeases } from './scan.ts'

/** A lease is written here and linked into place, so that no reader sees half of one. A leftover is from a crash. */
export const tempName = '.lease'

/**
 * Removes files without an owner and makes this boot's index directory; returns the valid leases. What cannot be removed
 * (a read-only file system) stays: a DEL that finds nothing to release need not fail for it.
 */
export function sweep(directory: string, boot: string): readonly Lease[] {
  const names = sys.getdents(directory)
  const { leases, dead } = scanLeases(directory, names, boot)
  const undeleted = dead.filter((address) => !attempt(() => sys.unlink(`${directory}/${address}`))).map((address) => ({ address }))
  if (names.includes(tempName)) attempt(() => sys.unlink(`${directory}/${tempName}`))
  if (!names.includes(indexName(boot))) {
    // In this order: an earlier boot's index names the leases that are stale.
    if (undeleted.length === 0) for (const name of names.filter(isIndex)) attempt(() => removeIndex(`${directory}/${name}`))
    attempt(() => sys.mkdir(`${directory}/${indexName(boot)}`, 0o700))
  }
  attempt(() => linkOldName(directory, names))
  return [...leases, ...undeleted]
}

/** Older host-locals stored the last reserved address of all sets under this name, and scripts still read it: it follows the first set's. */
function linkOldName(directory: string, names: readonly string[]): void {
  const path = `${directory}/last_reserved_ip`
  if (names.includes('last_reserved_ip')) {
    if ((sys.lstat(path).mode & S_IFMT) === S_IFLNK) return
    sys.unlink(path)
  }
  sys.symlink('last_reserved_ip.0', path)
}

function isIndex(name: string): boolean {
  return name.startsWith(indexPrefix)
}

function attempt(act: () => void): boolean {
  try {
    act()
    return true
  } catch (error) {
    if (isSysError(error)) return false
    throw error
  }
}
