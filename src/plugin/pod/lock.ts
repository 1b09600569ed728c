// One ADD at a time in a pod: two of the same attachment would each remove the other's links as those of an ADD that was killed.

import { lockExclusively } from '../../cni/lock.ts'
import type { Pod } from './namespace.ts'

/** Longer than another ADD waits for addresses (5 s) and leases (10 s). */
const waitMilliseconds = 30_000

/** Waits for a running ADD in the pod. The lock is on the namespace itself: it leaves no file, and ends with the process. CniError 11. */
export function lockPod({ fd }: Pod, netns: string): void {
  lockExclusively(fd, waitMilliseconds, `another ADD is running in ${netns}`)
}
