// What a plugin's run touches of its process; a test gives its own.

import { readToEnd } from '../host/read-to-end.ts'
import { sys } from '../host/sys.ts'

export interface Io {
  readonly getenv: (name: string) => string | undefined
  readonly readStdin: () => string
  readonly writeStdout: (text: string) => void
  readonly writeStderr: (text: string) => void
  /** True where `path` is the network namespace that this process is in; false where there is nothing at `path`. */
  readonly isOwnNetns: (path: string) => boolean
}

const STDIN = 0
const STDOUT = 1
const STDERR = 2

/** A configuration has some kilobytes; what is larger than this is none. */
const STDIN_LIMIT = 8 << 20

/** The process itself. */
export const processIo: Io = {
  getenv: sys.getenv,
  readStdin: () => readToEnd(STDIN, STDIN_LIMIT, `the configuration on stdin is over ${STDIN_LIMIT >> 20} MiB`),
  writeStdout: (text) => sys.write(STDOUT, text),
  writeStderr: (text) => sys.write(STDERR, text),
  isOwnNetns,
}

function isOwnNetns(path: string): boolean {
  try {
    const own = sys.stat('/proc/self/ns/net')
    const other = sys.stat(path)
    return own.dev === other.dev && own.ino === other.ino
  } catch {
    // Nothing there: the verb says what that means.
    return false
  }
}
