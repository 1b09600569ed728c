// One process at a time that reads a table and then makes what it lacks.

import { lockExclusively } from '../../cni/lock.ts'
import { O_RDONLY } from '../../host/fcntl.ts'
import { sys } from '../../host/sys.ts'

/** Longer than iptables waits for its own lock, and works (10 s). */
const waitMilliseconds = 30_000

/**
 * Runs `body` while no other podwire plugin does so in this network namespace; CniError 11 after the timeout. iptables-nft-restore does not
 * reject a table that has changed since it was read: it reads the table again, omits the `-N` of a chain that exists by now and adds the rules twice.
 */
export function withLock<T>(body: () => T): T {
  // The namespace's inode is the same for every process in it: no file stays. /run/xtables.lock is what iptables-legacy itself waits for.
  const fd = sys.open('/proc/self/ns/net', O_RDONLY)
  try {
    lockExclusively(fd, waitMilliseconds, 'another plugin is changing iptables')
    return body()
  } finally {
    sys.close(fd)
  }
}
