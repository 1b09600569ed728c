// The system calls that native/sys.c offers, under the kernel's names. The only file that touches the host's global.
// Failures throw a SysError. Every descriptor is close-on-exec.

/** What fstat(2) and lstat(2) return. `mtime` is in seconds since the epoch. */
export interface Stat {
  readonly dev: number
  readonly ino: number
  readonly mode: number
  readonly size: number
  readonly mtime: number
}

/** A program to run to its end. `stdin` is written whole; `timeout` is in milliseconds, 0 for none. */
export interface Spawn {
  readonly file: string
  readonly args: readonly string[]
  readonly env: readonly string[]
  readonly stdin: string
  /** Take the child's standard error as well; otherwise it inherits this process's. */
  readonly captureStderr: boolean
  readonly timeout: number
}

/** How it ended: an exit status, or the signal that ended it (status −1). A time-out is SIGKILL with `timedOut`. */
export interface Exit {
  readonly status: number
  readonly signal: number
  readonly timedOut: boolean
  /** Peak resident set, KiB. */
  readonly maxrss: number
  readonly stdout: string
  readonly stderr: string
}

export interface Sys {
  /** argv[0] as the kernel gave it, then the arguments. */
  readonly argv: readonly string[]
  getenv(name: string): string | undefined
  environ(): string[]
  exit(status: number): never

  /** The exports of a segment of the program, run now; see segment.ts. */
  load(segment: string): unknown

  open(path: string, flags: number, mode?: number): number
  close(fd: number): void
  /** At most `length` bytes; an empty buffer at the end of the file. */
  read(fd: number, length: number): ArrayBuffer
  /** All of `bytes`: repeats after a short write. */
  write(fd: number, bytes: Uint8Array | string): void
  fsync(fd: number): void
  /** The permissions as given, whatever the umask. */
  fchmod(fd: number, mode: number): void
  ftruncate(fd: number, length: number): void
  fstat(fd: number): Stat
  stat(path: string): Stat
  lstat(path: string): Stat
  /** The file system's magic number, as in linux/magic.h. */
  fstatfs(fd: number): number
  /** LOCK_SH, LOCK_EX or LOCK_UN; waits at most `timeout` milliseconds, then throws EAGAIN. */
  flock(fd: number, operation: number, timeout: number): void
  mkdir(path: string, mode: number): void
  rmdir(path: string): void
  rename(from: string, to: string): void
  link(from: string, to: string): void
  unlink(path: string): void
  readlink(path: string): string
  symlink(target: string, path: string): void
  /** Sets the last modification to `mtime`, whole seconds since the epoch; the last access stays. */
  utimensat(path: string, mtime: number): void
  /** Whether this process may read (4), write (2) or search (1) there; a read-only file system is EROFS. */
  access(path: string, mode: number): void
  /** The names in a directory, in the kernel's order, without `.` and `..`. */
  getdents(path: string): string[]

  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, sockaddr: Uint8Array): void
  connect(fd: number, sockaddr: Uint8Array): void
  listen(fd: number, backlog: number): void
  accept(fd: number): number
  setsockopt(fd: number, level: number, option: number, value: number): void
  /** One datagram, or as much as a stream takes at once: returns how many bytes. A stream without a reader is EPIPE, not a signal. */
  send(fd: number, bytes: Uint8Array): number
  /** One datagram, whole: MSG_TRUNC is EMSGSIZE. */
  recv(fd: number): ArrayBuffer
  /** Those of `fds` (256 at most) that can be read (`events` absent or POLLIN) or have ended; waits at most `timeout` milliseconds, −1 for ever. */
  poll(fds: readonly number[], timeout: number, events?: number): number[]
  setns(fd: number, nstype: number): void

  getrandom(length: number): ArrayBuffer
  getpid(): number
  /** Seconds, with the fraction. */
  clock_gettime(clock: number): number
  nanosleep(milliseconds: number): void
  spawn(program: Spawn): Exit

  /** The C library's text for an error number: `File exists`. */
  strerror(errno: number): string

  /** Bytes as text; what is not UTF-8 becomes U+FFFD. */
  decodeUtf8(bytes: ArrayBuffer, offset: number, length: number): string
  encodeUtf8(text: string): ArrayBuffer
  /** Bytes as lower-case hex digits, and back; anything else throws a RangeError. */
  hex(bytes: ArrayBuffer, offset: number, length: number): string
  unhex(digits: string): ArrayBuffer
  /** 32 hex digits that show whether a text has changed, fast; not a cryptographic hash. */
  fingerprint(text: string): string
  /** Lower-case hex of SHA-512 (FIPS 180-4) over the UTF-8 bytes. */
  sha512(text: string): string
  /** Lower-case hex of SHA-256 over what is left in the file. */
  sha256(fd: number): string
}

declare const __sys: Sys

/** The host's calls. */
export const sys: Sys = __sys
