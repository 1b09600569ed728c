// One installer at a time: during a DaemonSet's rollout an old and a new one run at once.

import { lockExclusively } from '../cni/lock.ts'
import type { Paths } from '../contract/paths.ts'
import { O_CREAT, O_RDWR } from '../host/fcntl.ts'
import { sys } from '../host/sys.ts'
import { makeDirectories } from '../host/whole-file.ts'

const waitMilliseconds = 20_000

export const lockPath = ({ stateDir }: Paths) => `${stateDir}/lock`

/** Runs `body` while no other process installs, publishes or uninstalls in this state directory, which is created. Throws CniError 11 after 20 s. */
export function withLock<T>(paths: Paths, body: () => T): T {
  makeDirectories(paths.stateDir)
  const path = lockPath(paths)
  const fd = sys.open(path, O_RDWR | O_CREAT, 0o600)
  try {
    lockExclusively(fd, waitMilliseconds, `another installer is at work: ${path} is locked`)
    return body()
  } finally {
    // Closing the only descriptor of it releases the lock.
    sys.close(fd)
  }
}
