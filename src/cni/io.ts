// What a plugin's run touches of its process; a test gives its own.

import { readToEnd } from '../host/read-to-end.ts'
import { sys } from '../host/sys.ts'

export interface Io {
  readonly getenv: (name: string) => string | undefined
  readonly readStdin: () => string
  /** What is on stdin already, in one read; '' where nothing is. Never waits. */
  readonly readReady: () => string
  readonly writeStdout: (text: string) => void
  readonly writeStderr: (text: string) => void
  /** True where `path` is the network namespace that this process is in; false where there is nothing at `path`. */
  readonly isOwnNetns: (path: string) => boolean
}

const STDIN = 0
const STDOUT = 1
const STDERR = 2

/** A configuration has some kilobytes; anything larger is not one. */
const STDIN_LIMIT = 8 << 20

/** What comes with VERSION is `{"cniVersion": …}`. */
const READY_LIMIT = 64 << 10

/** The process itself. */
export const processIo: Io = {
  getenv: sys.getenv,
  readStdin: () => readToEnd(STDIN, STDIN_LIMIT, `the configuration on stdin is over ${STDIN_LIMIT >> 20} MiB`),
  readReady,
  writeStdout: (text) => sys.write(STDOUT, text),
  writeStderr: (text) => sys.write(STDERR, text),
  isOwnNetns,
}

function readReady(): string {
  // The end of the input counts as ready, a terminal without a line and a pipe that is open and silent do not.
  if (sys.poll([STDIN], 0).length === 0) return ''
  const bytes = sys.read(STDIN, READY_LIMIT)
  return sys.decodeUtf8(bytes, 0, bytes.byteLength)
}

function isOwnNetns(path: string): boolean {
  try {
    const own = sys.stat('/proc/self/ns/net')
    const other = sys.stat(path)
    return own.dev === other.dev && own.ino === other.ino
  } catch {
    // No such file: what that means is the verb's to decide.
    return false
  }
}
