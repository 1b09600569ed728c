// One installer at a time: an old and a new one meet where a DaemonSet is rolled out.

import { CniError, ErrTryAgainLater } from '../cni/error.ts'
import { EAGAIN } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { makeDirectories } from '../host/whole-file.ts'
import type { Paths } from './paths.ts'

// asm-generic/fcntl.h
const O_RDWR = 0o2
const O_CREAT = 0o100
const LOCK_EX = 2

const waitMilliseconds = 20_000

export const lockPath = ({ stateDir }: Paths) => `${stateDir}/lock`

/** Runs `body` while no other process installs, publishes or uninstalls in this state directory, which is made. Throws CniError 11 after 20 s. */
export function inTurn<T>(paths: Paths, body: () => T): T {
  makeDirectories(paths.stateDir)
  const path = lockPath(paths)
  const fd = sys.open(path, O_RDWR | O_CREAT, 0o600)
  try {
    sys.flock(fd, LOCK_EX, waitMilliseconds)
    return body()
  } catch (error) {
    if (!isSysError(error, EAGAIN)) throw error
    throw new CniError(ErrTryAgainLater, `another installer is at work: ${path} is locked`, `waited ${waitMilliseconds / 1000} s`)
  } finally {
    // Closing the only descriptor of it releases the lock.
    sys.close(fd)
  }
}
