// The plugin's own log: one line per entry, into the configured file and nowhere else. A log that cannot be written never fails the work.
// The file is not kept open: many short processes share the file, and each entry goes to the file that has the name now.

import { ENOENT } from './errno.ts'
import { isSysError } from './error.ts'
import { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY, S_IFMT, S_IFREG } from './fcntl.ts'
import { formatEntry, type LogFields } from './log-entry.ts'
import { rotateLog } from './log-rotation.ts'
import { sys } from './sys.ts'

type Level = 'error' | 'warn' | 'info' | 'debug'
const levels: readonly string[] = ['error', 'warn', 'info', 'debug']

let logFile = ''
let threshold = levels.indexOf('info')

/** Sets where the log goes; without `file` nothing is written. `level` is error, warn, info (where absent) or debug; another one is reported in the log. */
export function openLog({ file, level }: { readonly file?: string | undefined; readonly level?: string | undefined }): void {
  logFile = file ?? ''
  const known = levels.indexOf(level ?? 'info')
  threshold = known < 0 ? levels.indexOf('info') : known
  if (known < 0 && level) log.warn('unknown log level, using info', { level, known: levels.join(',') })
}

/** One entry each, dropped below the configured level. `fields` follow the message as key=value. */
export const log = {
  error: (message: string, fields?: LogFields): void => write('error', message, fields),
  warn: (message: string, fields?: LogFields): void => write('warn', message, fields),
  info: (message: string, fields?: LogFields): void => write('info', message, fields),
  debug: (message: string, fields?: LogFields): void => write('debug', message, fields),
}

function write(level: Level, message: string, fields?: LogFields): void {
  if (!logFile || levels.indexOf(level) > threshold) return
  try {
    if (!mayAppend()) return
    const now = sys.clock_gettime(0)
    rotate(now)
    append(formatEntry(now, level, message, fields))
  } catch {
    // There is no place left to report it: stdout is the result's, stderr the runtime's.
  }
}

/** False where the name is not a regular file's: a log must not follow a link to stdout or to another's file. */
function mayAppend(): boolean {
  try {
    return (sys.lstat(logFile).mode & S_IFMT) === S_IFREG
  } catch (error) {
    return isSysError(error, ENOENT)
  }
}

function rotate(now: number): void {
  try {
    const rotated = rotateLog(logFile, now)
    if (rotated) append(formatEntry(now, 'info', 'log rotated', { reason: rotated.reason, previous: rotated.file }))
  } catch {
    // The entry still goes to the file as it is.
  }
}

function append(line: string): void {
  const fd = openForAppend()
  try {
    // One write per entry: that is what O_APPEND keeps whole among many writers.
    sys.write(fd, line)
  } finally {
    sys.close(fd)
  }
}

function openForAppend(): number {
  const flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK
  try {
    return sys.open(logFile, flags, 0o640)
  } catch (error) {
    if (!isSysError(error, ENOENT)) throw error
    sys.mkdir(logFile.slice(0, logFile.lastIndexOf('/')), 0o755)
    return sys.open(logFile, flags, 0o640)
  }
}
