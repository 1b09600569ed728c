// Network namespaces: opened, entered and left again.

import { EINVAL } from '../host/errno.ts'
import { SysError } from '../host/error.ts'
import { O_NONBLOCK, O_RDONLY } from '../host/fcntl.ts'
import { sys } from '../host/sys.ts'

const CLONE_NEWNET = 0x40000000
// linux/magic.h; before Linux 3.19 a namespace file was of procfs.
const NSFS_MAGIC = 0x6e736673
const PROC_SUPER_MAGIC = 0x9fa0

/** Opens the namespace at `path`; a plain file there (what a lost bind mount leaves) is EINVAL. The caller closes the descriptor. */
export function openNamespace(path: string): number {
  // Without O_NONBLOCK a named pipe at the path would wait for a writer.
  const fd = sys.open(path, O_RDONLY | O_NONBLOCK)
  const magic = sys.fstatfs(fd)
  if (magic === NSFS_MAGIC || magic === PROC_SUPER_MAGIC) return fd
  sys.close(fd)
  throw new SysError(`open network namespace ${path}`, EINVAL, 'the file is not a namespace')
}

/** Runs `body` inside the namespace and comes back, whatever it does. */
export function inNamespace<T>(fd: number, body: () => T): T {
  const home = sys.open('/proc/self/ns/net', O_RDONLY)
  sys.setns(fd, CLONE_NEWNET)
  try {
    return body()
  } finally {
    leaveFor(home)
  }
}

/** Not a SysError: callers take some of those for a namespace that is gone, and would go on in the wrong one. */
function leaveFor(home: number): void {
  try {
    sys.setns(home, CLONE_NEWNET)
  } catch (error) {
    throw new Error(`cannot return to the network namespace of this process: ${error instanceof Error ? error.message : String(error)}`)
  }
  sys.close(home)
}
