// The daemon's clock: it does not stop while the machine is suspended, and cannot be set.

import { sys } from '../../../host/sys.ts'

const CLOCK_BOOTTIME = 7

/** Seconds since the machine booted (CLOCK_BOOTTIME). */
export function bootSeconds(): number {
  return sys.clock_gettime(CLOCK_BOOTTIME)
}
