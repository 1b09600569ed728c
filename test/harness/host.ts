// The host's calls on Node, for unit tests: real files and hashes. What only the native host can do throws ENOSYS.

import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { uptime } from 'node:os'
import { getSystemErrorMap } from 'node:util'
import type { Stat, Sys } from '../../src/host/sys.ts'

/** Where musl's text, which the native host has, is another than libuv's with a capital letter. */
const muslTexts: Readonly<Record<number, string>> = {
  5: 'I/O error',
  12: 'Out of memory',
  16: 'Resource busy',
  17: 'File exists',
  18: 'Cross-device link',
  21: 'Is a directory',
  26: 'Text file busy',
  34: 'Result not representable',
  36: 'Filename too long',
  40: 'Symbolic link loop',
  95: 'Not supported',
  97: 'Address family not supported by protocol',
  98: 'Address in use',
  101: 'Network unreachable',
  110: 'Operation timed out',
}
const libuvTexts = new Map([...getSystemErrorMap()].map(([errno, [, text]]) => [-errno, text.charAt(0).toUpperCase() + text.slice(1)]))
const strerror = (errno: number) => muslTexts[errno] ?? libuvTexts.get(errno) ?? 'No error information'

class HostError extends Error {
  override readonly name = 'SysError'
  readonly op: string
  readonly errno: number
  constructor(op: string, errno: number, path = '') {
    super(`${op}${path && ` ${path}`}: ${strerror(errno)}`)
    this.op = op
    this.errno = errno
  }
}

/** Node's error as native/sys.c would throw it. */
function call<T>(op: string, path: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    throw new HostError(op, -((error as NodeJS.ErrnoException).errno ?? -38), path)
  }
}

const stat = ({ dev, ino, mode, size, mtimeMs }: fs.Stats): Stat => ({ dev, ino, mode, size, mtime: mtimeMs / 1000 })
const missing = (op: string) => (): never => {
  throw new HostError(op, 38)
}
const exactBuffer = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer

const host: Sys = {
  argv: ['podwire'],
  getenv: (name) => process.env[name],
  environ: () => Object.entries(process.env).map(([key, value]) => `${key}=${value}`),
  exit: missing('exit'),
  load: missing('load'),
  open: (path, flags, mode) => call('open', path, () => fs.openSync(path, flags, mode)),
  close: (fd) => call('close', '', () => fs.closeSync(fd)),
  read: (fd, length) =>
    call('read', '', () => {
      const buffer = Buffer.alloc(length)
      return exactBuffer(buffer.subarray(0, fs.readSync(fd, buffer)))
    }),
  write: (fd, bytes) => call('write', '', () => fs.writeFileSync(fd, bytes)),
  fsync: (fd) => call('fsync', '', () => fs.fsyncSync(fd)),
  fchmod: (fd, mode) => call('fchmod', '', () => fs.fchmodSync(fd, mode)),
  ftruncate: (fd, length) => call('ftruncate', '', () => fs.ftruncateSync(fd, length)),
  fstat: (fd) => call('fstat', '', () => stat(fs.fstatSync(fd))),
  stat: (path) => call('stat', path, () => stat(fs.statSync(path))),
  lstat: (path) => call('lstat', path, () => stat(fs.lstatSync(path))),
  fstatfs: missing('fstatfs'),
  flock: () => {},
  mkdir: (path, mode) => call('mkdir', path, () => fs.mkdirSync(path, { mode })),
  rmdir: (path) => call('rmdir', path, () => fs.rmdirSync(path)),
  rename: (from, to) => call('rename', from, () => fs.renameSync(from, to)),
  link: (from, to) => call('link', to, () => fs.linkSync(from, to)),
  unlink: (path) => call('unlink', path, () => fs.unlinkSync(path)),
  readlink: (path) => call('readlink', path, () => fs.readlinkSync(path)),
  symlink: (target, path) => call('symlink', path, () => fs.symlinkSync(target, path)),
  utimensat: (path, mtime) => call('utimensat', path, () => fs.utimesSync(path, fs.statSync(path).atimeMs / 1000, mtime)),
  access: (path, mode) => call('access', path, () => fs.accessSync(path, mode)),
  getdents: (path) => call('getdents', path, () => fs.readdirSync(path)),
  socket: missing('socket'),
  bind: missing('bind'),
  connect: missing('connect'),
  listen: missing('listen'),
  accept: missing('accept'),
  setsockopt: missing('setsockopt'),
  send: missing('send'),
  recv: missing('recv'),
  poll: missing('poll'),
  setns: missing('setns'),
  getrandom: (length) => exactBuffer(randomBytes(length)),
  getpid: () => process.pid,
  clock_gettime: (clock) => (clock === 7 ? uptime() : Date.now() / 1000),
  nanosleep: (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds),
  spawn: missing('spawn'),
  strerror,
  decodeUtf8: (bytes, offset, length) => Buffer.from(bytes, offset, length).toString(),
  encodeUtf8: (text) => exactBuffer(Buffer.from(text)),
  sha256: (fd) => call('read', '', () => createHash('sha256').update(fs.readFileSync(fd)).digest('hex')),
  hex: (bytes, offset, length) => Buffer.from(bytes, offset, length).toString('hex'),
  unhex: (digits) => {
    const bytes = Buffer.from(digits, 'hex')
    if (bytes.length * 2 !== digits.length) throw new RangeError('unhex: not hex digits')
    return exactBuffer(bytes)
  },
  fingerprint: (text) => createHash('md5').update(text).digest('hex'),
  sha512: (text) => createHash('sha512').update(text).digest('hex'),
}

Object.assign(globalThis, { __sys: host })
