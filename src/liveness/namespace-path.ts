// Whether a runtime's path of a network namespace still exists, and whether this process could see it.

import { ENOENT } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { directoryOf } from '../host/whole-file.ts'

/** `unseen`: this process's view of the file system or of the processes does not show whether it exists. */
export type PathState = 'exists' | 'gone' | 'unseen'

// linux/proc_ns.h: PROC_PID_INIT_INO
const HOST_PIDS = 'pid:[4026531836]'

export function namespacePathState(path: string): PathState {
  if (!path.startsWith('/')) return 'unseen'
  const found = stateOf(path)
  if (found !== 'gone') return found
  // A container sees no other processes, and without a mount of /run/netns no namespace.
  if (path.startsWith('/proc/')) return seesAllProcesses() ? 'gone' : 'unseen'
  return stateOf(directoryOf(path)) === 'exists' ? 'gone' : 'unseen'
}

function stateOf(path: string): PathState {
  try {
    sys.lstat(path)
    return 'exists'
  } catch (error) {
    if (!isSysError(error)) throw error
    return error.errno === ENOENT ? 'gone' : 'unseen'
  }
}

function seesAllProcesses(): boolean {
  try {
    return sys.readlink('/proc/self/ns/pid') === HOST_PIDS
  } catch {
    return false
  }
}
