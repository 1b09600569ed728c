// One ADD at a time in a pod. Two of the same attachment would each take the other's half-made work for what a killed one has left.

import { lockExclusively } from '../../cni/lock.ts'
import type { Pod } from './namespace.ts'

/** Longer than another ADD waits for addresses (5 s) and leases (10 s). */
const waitMilliseconds = 30_000

/** Waits for the ADDs under way in the pod. The lock is on the namespace itself: it leaves no file, and ends with the process. CniError 11. */
export function lockPod({ fd }: Pod, netns: string): void {
  lockExclusively(fd, waitMilliseconds, `another ADD is under way in ${netns}`)
}
