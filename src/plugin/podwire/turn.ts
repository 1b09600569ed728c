// One ADD at a time in a pod. Two of the same attachment would each take the other's half-made work for what a killed one has left.

import { CniError, ErrTryAgainLater } from '../../cni/error.ts'
import { EAGAIN } from '../../host/errno.ts'
import { isSysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import type { Pod } from '../pod-interface.ts'

// asm-generic/fcntl.h
const LOCK_EX = 2

/** Longer than another ADD waits for addresses (5 s) and leases (10 s). */
const waitMilliseconds = 30_000

/** Waits for the ADDs under way in the pod. The lock is on the namespace itself: it leaves no file, and ends with the process. CniError 11. */
export function awaitTurn({ fd }: Pod, netns: string): void {
  try {
    sys.flock(fd, LOCK_EX, waitMilliseconds)
  } catch (error) {
    if (!isSysError(error, EAGAIN)) throw error
    throw new CniError(ErrTryAgainLater, `another ADD is under way in ${netns}`, `waited ${waitMilliseconds / 1000} s`)
  }
}
