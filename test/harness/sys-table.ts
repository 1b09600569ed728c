// What every implementation of `Sys` does alike: the native host and the unit tests' host (host.ts). Runs on QuickJS too.

import { EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOTDIR, ENOTEMPTY } from '../../src/host/errno.ts'
import { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_WRONLY, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../src/host/fcntl.ts'
import type { Sys } from '../../src/host/sys.ts'

/** What it does in an empty directory, and what that returns; of an error `{op, errno, message}`. */
export interface SysCase {
  readonly title: string
  readonly run: (sys: Sys, dir: string) => unknown
  readonly expected: unknown
}

const failed = (op: string, errno: number, path: string, text: string) => ({ op, errno, message: `${op}${path && ` ${path}`}: ${text}` })
const decode = (sys: Sys, bytes: ArrayBuffer) => sys.decodeUtf8(bytes, 0, bytes.byteLength)

function write(sys: Sys, path: string, text: string, flags = O_WRONLY | O_CREAT): void {
  const fd = sys.open(path, flags, 0o600)
  sys.write(fd, text)
  sys.close(fd)
}

function read(sys: Sys, path: string, length = 100): string {
  const fd = sys.open(path, O_RDONLY)
  try {
    return decode(sys, sys.read(fd, length))
  } finally {
    sys.close(fd)
  }
}

/** Undefined where `body` succeeds. */
function errnoOf(body: () => unknown): number | undefined {
  try {
    body()
    return undefined
  } catch (error) {
    return (error as { errno: number }).errno
  }
}

export const sysTable: readonly SysCase[] = [
  {
    title: 'write and read give a file its text, at most as long as requested, and nothing at its end',
    run: (sys, dir) => {
      write(sys, `${dir}/a`, 'grüße')
      const fd = sys.open(`${dir}/a`, O_RDONLY)
      const parts = [3, 100, 100].map((length) => sys.read(fd, length).byteLength)
      sys.close(fd)
      return [read(sys, `${dir}/a`), parts]
    },
    expected: ['grüße', [3, 4, 0]],
  },
  {
    title: 'write appends where the file is open for appending',
    run: (sys, dir) => {
      for (const line of ['a', 'b']) write(sys, `${dir}/log`, line, O_WRONLY | O_CREAT | O_APPEND)
      return read(sys, `${dir}/log`)
    },
    expected: 'ab',
  },
  {
    title: 'open throws ENOENT with the path',
    run: (sys) => sys.open('/no/such/file', O_RDONLY),
    expected: failed('open', ENOENT, '/no/such/file', 'No such file or directory'),
  },
  {
    title: 'open throws EEXIST for an exclusive file that exists',
    run: (sys, dir) => {
      write(sys, `${dir}/a`, '')
      return errnoOf(() => sys.open(`${dir}/a`, O_WRONLY | O_CREAT | O_EXCL, 0o600))
    },
    expected: EEXIST,
  },
  {
    title: 'close throws EBADF without a path',
    run: (sys) => sys.close(9999),
    expected: failed('close', EBADF, '', 'Bad file descriptor'),
  },
  {
    title: 'fchmod, fstat and lstat agree on kind, permissions and size',
    run: (sys, dir) => {
      const fd = sys.open(`${dir}/a`, O_WRONLY | O_CREAT, 0o600)
      sys.write(fd, 'abc')
      sys.fchmod(fd, 0o666)
      const { ino, mode, size } = sys.fstat(fd)
      sys.close(fd)
      const { ino: again } = sys.lstat(`${dir}/a`)
      return [mode === (S_IFREG | 0o666), size, ino === again]
    },
    expected: [true, 3, true],
  },
  {
    title: 'ftruncate and fsync keep the first bytes',
    run: (sys, dir) => {
      const fd = sys.open(`${dir}/a`, O_WRONLY | O_CREAT, 0o600)
      sys.write(fd, 'abc')
      sys.ftruncate(fd, 1)
      sys.fsync(fd)
      sys.close(fd)
      return read(sys, `${dir}/a`)
    },
    expected: 'a',
  },
  {
    title: 'symlink, readlink and lstat do not follow, stat does',
    run: (sys, dir) => {
      sys.symlink('b', `${dir}/a`)
      sys.mkdir(`${dir}/b`, 0o700)
      const kind = (mode: number) => mode & S_IFMT
      return [sys.readlink(`${dir}/a`), kind(sys.lstat(`${dir}/a`).mode) === S_IFLNK, kind(sys.stat(`${dir}/a`).mode) === S_IFDIR]
    },
    expected: ['b', true, true],
  },
  {
    title: 'stat throws ELOOP for links in a circle',
    run: (sys, dir) => {
      sys.symlink('a', `${dir}/a`)
      return errnoOf(() => sys.stat(`${dir}/a`))
    },
    expected: ELOOP,
  },
  {
    title: 'readlink throws EINVAL for what is not a link',
    run: (sys) => sys.readlink('/proc/self/status'),
    expected: failed('readlink', EINVAL, '/proc/self/status', 'Invalid argument'),
  },
  {
    title: 'mkdir, getdents, link, rename, unlink and rmdir change a directory',
    run: (sys, dir) => {
      sys.mkdir(`${dir}/d`, 0o700)
      write(sys, `${dir}/d/a`, 'x')
      sys.link(`${dir}/d/a`, `${dir}/d/b`)
      const two = sys.getdents(`${dir}/d`).sort()
      sys.rename(`${dir}/d/b`, `${dir}/d/c`)
      const renamed = sys.getdents(`${dir}/d`).sort()
      for (const name of renamed) sys.unlink(`${dir}/d/${name}`)
      sys.rmdir(`${dir}/d`)
      return [two, renamed, sys.getdents(dir)]
    },
    expected: [['a', 'b'], ['a', 'c'], []],
  },
  {
    title: 'rmdir throws ENOTEMPTY',
    run: (sys, dir) => {
      sys.mkdir(`${dir}/d`, 0o700)
      write(sys, `${dir}/d/a`, '')
      return errnoOf(() => sys.rmdir(`${dir}/d`))
    },
    expected: ENOTEMPTY,
  },
  {
    title: 'getdents throws ENOTDIR for a file',
    run: (sys) => sys.getdents('/proc/self/status'),
    expected: failed('getdents', ENOTDIR, '/proc/self/status', 'Not a directory'),
  },
  {
    title: 'utimensat sets the last modification in seconds',
    run: (sys, dir) => {
      write(sys, `${dir}/a`, '')
      sys.utimensat(`${dir}/a`, 1_700_000_000)
      return sys.stat(`${dir}/a`).mtime
    },
    expected: 1_700_000_000,
  },
  {
    title: 'access throws ENOENT, and returns nothing where it may',
    run: (sys, dir) => {
      sys.access(dir, 7)
      sys.access('/no/such/file', 4)
    },
    expected: failed('access', ENOENT, '/no/such/file', 'No such file or directory'),
  },
  {
    title: 'decodeUtf8 reads a part of the bytes, encodeUtf8 writes them',
    run: (sys) => {
      const bytes = sys.encodeUtf8('aüb')
      return [bytes.byteLength, sys.decodeUtf8(bytes, 1, 2), sys.decodeUtf8(bytes, 4, 0)]
    },
    expected: [4, 'ü', ''],
  },
  {
    title: 'hex and unhex are each other’s inverse, in lower case',
    run: (sys) => {
      const bytes = Uint8Array.of(0, 0xab, 0xff).buffer
      return [sys.hex(bytes, 0, 3), sys.hex(bytes, 1, 1), sys.hex(sys.unhex('00abff'), 0, 3), sys.unhex('').byteLength]
    },
    expected: ['00abff', 'ab', '00abff', 0],
  },
  ...['0', 'zz', '0g'].map(
    (digits): SysCase => ({
      title: `unhex throws a RangeError for ${digits}`,
      run: (sys) => {
        try {
          return sys.unhex(digits).byteLength
        } catch (error) {
          return (error as Error).name
        }
      },
      expected: 'RangeError',
    }),
  ),
  {
    title: 'sha256 hashes the rest of a file, sha512 a text',
    run: (sys, dir) => {
      write(sys, `${dir}/a`, 'xabc')
      const fd = sys.open(`${dir}/a`, O_RDONLY)
      sys.read(fd, 1)
      const sha256 = sys.sha256(fd)
      sys.close(fd)
      return [sha256, sys.sha512('abc').slice(0, 32)]
    },
    expected: ['ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'ddaf35a193617abacc417349ae204131'],
  },
  {
    title: 'fingerprint has 32 digits, the same for the same text and others for another',
    run: (sys) => {
      const [a, b, c] = ['a', 'a', 'b'].map((text) => sys.fingerprint(text))
      return [a?.length, a === b, a === c]
    },
    expected: [32, true, false],
  },
  {
    title: 'getrandom gives as many bytes as requested',
    run: (sys) => [sys.getrandom(0).byteLength, sys.getrandom(33).byteLength],
    expected: [0, 33],
  },
  {
    title: 'strerror has musl’s texts',
    run: (sys) =>
      [1, 2, 3, 4, 5, 9, 11, 12, 13, 16, 17, 19, 20, 21, 22, 26, 28, 30, 32, 34, 36, 38, 39, 40].map((errno) => sys.strerror(errno)),
    expected: [
      'Operation not permitted',
      'No such file or directory',
      'No such process',
      'Interrupted system call',
      'I/O error',
      'Bad file descriptor',
      'Resource temporarily unavailable',
      'Out of memory',
      'Permission denied',
      'Resource busy',
      'File exists',
      'No such device',
      'Not a directory',
      'Is a directory',
      'Invalid argument',
      'Text file busy',
      'No space left on device',
      'Read-only file system',
      'Broken pipe',
      'Result not representable',
      'Filename too long',
      'Function not implemented',
      'Directory not empty',
      'Symbolic link loop',
    ],
  },
]

/** The result of a case, as JSON has it. */
export function runCase({ run }: SysCase, sys: Sys, dir: string): unknown {
  try {
    return run(sys, dir)
  } catch (error) {
    const { op, errno, message } = error as { op?: string; errno?: number; message: string }
    return op === undefined ? message : { op, errno, message }
  }
}
