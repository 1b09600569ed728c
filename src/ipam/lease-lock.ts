// host-local's lock on a network's leases: flock(2) on the file `lock`.

import { lockExclusively } from '../cni/lock.ts'
import { ENOENT } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { O_CREAT, O_RDONLY } from '../host/fcntl.ts'
import { sys } from '../host/sys.ts'

/** A runtime gives an ADD minutes; a process that holds this lock for seconds hangs. */
const waitMilliseconds = 10_000

/** Runs `body` under the lock; undefined where the directory does not exist. Throws CniError 11 when the lock is not released in time. */
export function withLock<T>(directory: string, body: () => T): { readonly value: T } | undefined {
  const path = `${directory}/lock`
  const lock = open(path)
  if (lock === undefined) return undefined
  try {
    lockExclusively(lock, waitMilliseconds, `leases are locked by another process: ${path}`)
    return { value: body() }
  } finally {
    // Closing the only descriptor releases the lock.
    sys.close(lock)
  }
}

function open(path: string): number | undefined {
  try {
    return sys.open(path, O_RDONLY | O_CREAT, 0o600)
  } catch (error) {
    if (isSysError(error, ENOENT)) return undefined
    throw error
  }
}
