// flock(2): who is later waits, and says why when it takes too long.

import { EAGAIN } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { LOCK_EX } from '../host/fcntl.ts'
import { sys } from '../host/sys.ts'
import { CniError, ErrTryAgainLater } from './error.ts'

/**
 * Waits until no other open file description has the lock of `fd`'s inode; closing `fd` gives it back.
 * Throws CniError 11 that says `held` after `milliseconds`.
 */
export function lockExclusively(fd: number, milliseconds: number, held: string): void {
  try {
    sys.flock(fd, LOCK_EX, milliseconds)
  } catch (error) {
    if (!isSysError(error, EAGAIN)) throw error
    throw new CniError(ErrTryAgainLater, held, `waited ${milliseconds / 1000} s`)
  }
}
