// Kernel parameters under /proc/sys. Those under net/ are the ones of the namespace that the process is in.

import { ENOENT } from '../host/errno.ts'
import { isSysError, SysError } from '../host/error.ts'
import { O_RDONLY, O_WRONLY } from '../host/fcntl.ts'
import { sys } from '../host/sys.ts'

/** `sysctl -n KEY`, slashes for dots; undefined where the kernel does not have it. */
export function readSysctl(key: string): string | undefined {
  try {
    return withFile(key, O_RDONLY, read)
  } catch (error) {
    if (isSysError(error, ENOENT)) return undefined
    throw error
  }
}

/** `sysctl -w KEY=VALUE`, only where the value differs: /proc/sys is read-only in many containers where nothing is left to write. */
export function ensureSysctl(key: string, value: string): void {
  if (withFile(key, O_RDONLY, read) === value) return
  withFile(key, O_WRONLY, (fd) => {
    try {
      sys.write(fd, value)
    } catch (error) {
      // The kernel rejected the value: the call itself knows only a descriptor.
      throw isSysError(error) ? new SysError(`set /proc/sys/${key} to ${JSON.stringify(value)}`, error.errno) : error
    }
  })
}

/** Like ensureSysctl, for what is optional: false where the kernel lacks the key or rejects the value. */
export function trySysctl(key: string, value: string): boolean {
  try {
    withFile(key, O_WRONLY, (fd) => sys.write(fd, value))
    return true
  } catch (error) {
    if (isSysError(error)) return false
    throw error
  }
}

function read(fd: number): string {
  const bytes = sys.read(fd, 4096)
  return sys.decodeUtf8(bytes, 0, bytes.byteLength).trim()
}

function withFile<T>(key: string, flags: number, use: (fd: number) => T): T {
  const fd = sys.open(`${flags === O_WRONLY ? writable() : '/proc/sys'}/${key}`, flags)
  try {
    return use(fd)
  } finally {
    sys.close(fd)
  }
}

/** A container that is not privileged has a second, writable view of it elsewhere (docs/decisions/0004). */
function writable(): string {
  return sys.getenv('PODWIRE_PROC_SYS') || '/proc/sys'
}
