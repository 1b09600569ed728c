// Which boot this is. A lease does not outlive it: no container does. (docs/decisions/0002-leases-tied-to-the-boot.md)

import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { readText } from './text-file.ts'

// linux/time.h
const CLOCK_REALTIME = 0
const CLOCK_BOOTTIME = 7

/** The kernel's UUID of this boot; `unknown` where /proc does not have it, and then leases outlive boots as host-local's do. */
export function bootId(): string {
  try {
    return readText('/proc/sys/kernel/random/boot_id').trim()
  } catch (error) {
    if (!isSysError(error)) throw error
    return 'unknown'
  }
}

/** When it began, in seconds since the epoch: as right as the clock is now. */
export function bootTime(): number {
  return sys.clock_gettime(CLOCK_REALTIME) - sys.clock_gettime(CLOCK_BOOTTIME)
}
