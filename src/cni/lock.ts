// flock(2) with a time limit.

import { EAGAIN } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { LOCK_EX } from '../host/fcntl.ts'
import { sys } from '../host/sys.ts'
import { CniError, ErrTryAgainLater } from './error.ts'

/**
 * Waits until no other open file description has the lock of `fd`'s inode; closing `fd` releases it.
 * Throws CniError 11 with the message `timedOut` after `milliseconds`.
 */
export function lockExclusively(fd: number, milliseconds: number, timedOut: string): void {
  try {
    sys.flock(fd, LOCK_EX, milliseconds)
  } catch (error) {
    if (!isSysError(error, EAGAIN)) throw error
    throw new CniError(ErrTryAgainLater, timedOut, `waited ${milliseconds / 1000} s`)
  }
}
