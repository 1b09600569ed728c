// Small text files, whole: leases, the last reserved address, resolv.conf.

import { isSysError, SysError } from '../host/error.ts'
import { O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../host/fcntl.ts'
import { sys } from '../host/sys.ts'

const chunk = 4096

/** The file's text; throws a SysError (ENOENT, EISDIR, …). A FIFO does not block the caller. */
export function readText(path: string): string {
  const fd = sys.open(path, O_RDONLY | O_NONBLOCK)
  try {
    let text = ''
    for (;;) {
      const bytes = sys.read(fd, chunk)
      text += sys.decodeUtf8(bytes, 0, bytes.byteLength)
      // A short read of a regular file is its end: one call less than waiting for the empty one.
      if (bytes.byteLength < chunk) return text
    }
  } finally {
    sys.close(fd)
  }
}

/** Makes a file that must not exist (EEXIST), mode 0600; it is removed when writing fails. */
export function createText(path: string, text: string): void {
  const fd = sys.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  try {
    writeText(fd, path, text)
  } catch (error) {
    sys.unlink(path)
    throw error
  } finally {
    sys.close(fd)
  }
}

/**
 * Replaces `previous`, the file's content, by `text`. The file is truncated only after the write: on a full disk a short
 * text over an old one still succeeds, and a failure leaves the old one readable.
 */
export function overwriteText(path: string, text: string, previous: string): void {
  const fd = sys.open(path, O_WRONLY | O_CREAT, 0o600)
  try {
    writeText(fd, path, text)
    if (previous.length > text.length) sys.ftruncate(fd, text.length)
  } finally {
    sys.close(fd)
  }
}

/** write(2) knows no path, the reader of its error needs one. */
function writeText(fd: number, path: string, text: string): void {
  try {
    sys.write(fd, text)
  } catch (error) {
    throw isSysError(error) ? new SysError(`write ${path}`, error.errno) : error
  }
}
