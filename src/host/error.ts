// The one error kind of the kernel and the file system: what was attempted, on what, which errno.

import { sys } from './sys.ts'

/** `errno` is positive, as in asm-generic/errno.h. native/sys.c throws the same shape: `open /x: No such file or directory`. */
export class SysError extends Error {
  override readonly name = 'SysError'
  readonly op: string
  readonly errno: number
  /** The kernel's own words, where it gave any (netlink's extended ack). */
  readonly detail: string

  constructor(op: string, errno: number, detail = '') {
    super(`${op}: ${sys.strerror(errno)}${detail && ` (${detail})`}`)
    this.op = op
    this.errno = errno
    this.detail = detail
  }
}

/** True for an error of native/sys.c or of the netlink rooms with one of `errnos`, or with any where none is given. */
export function isSysError(error: unknown, ...errnos: number[]): error is SysError {
  const errno = error instanceof Error ? (error as Partial<SysError>).errno : undefined
  return typeof errno === 'number' && (errnos.length === 0 || errnos.includes(errno))
}
