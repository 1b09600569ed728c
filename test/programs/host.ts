// What the native host does at its edges, one behaviour a word: test/native-host.test.ts runs them.

import { isSysError } from '../../src/host/error.ts'
import { sys } from '../../src/host/sys.ts'

const decode = (bytes: ArrayBuffer) => sys.decodeUtf8(bytes, 0, bytes.byteLength)
const say = (text: unknown) => sys.write(1, `${JSON.stringify(text)}\n`)
const attempt = (body: () => unknown) => {
  try {
    return body()
  } catch (error) {
    return isSysError(error) ? { op: error.op, errno: error.errno, message: error.message } : String(error)
  }
}
const spawn = (file: string, args: string[], stdin = '', timeout = 0) =>
  sys.spawn({ file, args: [file, ...args], env: ['LANG=C'], stdin, captureStderr: true, timeout })

const behaviours: Record<string, () => void> = {
  throw: () => {
    throw new Error('on purpose')
  },
  rejection: () => {
    void Promise.reject(new Error('this is not handled'))
  },
  'handled-rejection': () => {
    Promise.reject(new Error('handled')).catch(() => say('handled'))
  },
  'late-throw': () => {
    void Promise.resolve().then(() => {
      throw new Error('thrown in a job')
    })
  },
  memory: () => {
    const hoard: string[] = []
    for (;;) hoard.push('x'.repeat(1 << 20) + hoard.length)
  },
  stack: () => {
    const deeper = (n: number): number => deeper(n + 1) + 1
    say(deeper(0))
  },
  errors: () => {
    say(attempt(() => sys.open('/no/such/file', 0)))
    say(attempt(() => sys.open('/etc/host\0name', 0)))
    say(attempt(() => sys.close(999)))
    say(attempt(() => sys.decodeUtf8(new ArrayBuffer(4), 2, 3)))
    say(attempt(() => sys.spawn({ file: '/no/such/program', args: [], env: [], stdin: '', captureStderr: false, timeout: 0 })))
  },
  files: () => {
    const dir = sys.argv[2] ?? ''
    const fd = sys.open(`${dir}/a`, 0o102, 0o600)
    sys.write(fd, 'héllo\n')
    sys.write(fd, Uint8Array.of(1, 2, 3).subarray(1))
    say({ size: sys.fstat(fd).size, mode: sys.fstat(fd).mode & 0o777 })
    sys.close(fd)
    sys.link(`${dir}/a`, `${dir}/b`)
    say(attempt(() => sys.link(`${dir}/a`, `${dir}/b`)))
    sys.rename(`${dir}/a`, `${dir}/c`)
    sys.symlink('c', `${dir}/d`)
    say(sys.getdents(dir).sort())
    say(sys.readlink(`${dir}/d`))
    const back = sys.open(`${dir}/d`, 0)
    say(decode(sys.read(back, 100)).slice(0, 5))
    say(sys.read(back, 100).byteLength)
  },
  lock: () => {
    const first = sys.open(sys.argv[2] ?? '', 0o102, 0o600)
    const second = sys.open(sys.argv[2] ?? '', 2)
    sys.flock(first, 2, 0)
    const start = sys.clock_gettime(1)
    say(attempt(() => sys.flock(second, 2, 200)))
    const waited = sys.clock_gettime(1) - start
    say(waited > 0.15 && waited < 2)
    sys.flock(first, 8, 0)
    sys.flock(second, 2, 200)
    say('taken')
  },
  spawn: () => {
    const cat = spawn('/bin/cat', [], 'x'.repeat(300_000))
    say({ status: cat.status, length: cat.stdout.length })
    const { maxrss, ...ending } = spawn('/bin/sh', ['-c', 'echo out; echo err >&2; exit 3'])
    say({ ...ending, measured: maxrss > 100 && maxrss < 100_000 })
    const slow = spawn('/bin/sleep', ['10'], '', 100)
    say({ signal: slow.signal, timedOut: slow.timedOut })
    // What we opened must not be open in a child.
    sys.open('/etc/hostname', 0)
    say(spawn('/bin/ls', ['-l', '/proc/self/fd']).stdout.includes('/etc/hostname'))
    // Nor may a child that does not read its stdin end us.
    say(spawn('/bin/true', [], 'x'.repeat(300_000)).status)
  },
  hex: () => {
    const bytes = Uint8Array.from({ length: 600 }, (_, i) => i).buffer
    const digits = sys.hex(bytes, 0, 600)
    say([digits.length, digits.slice(0, 8), digits.slice(-4), sys.hex(bytes, 254, 3), sys.hex(bytes, 600, 0)])
    say(sys.hex(sys.unhex(digits), 0, 600) === digits)
    for (const wrong of ['0', '0g', '0A', 'é0', ' 00']) say(attempt(() => sys.unhex(wrong)))
    say(attempt(() => sys.hex(bytes, 599, 2)))
  },
  fingerprint: () => {
    const texts = ['', 'a', 'b', 'aaaaaaaa', 'aaaaaaaaa', 'a'.repeat(4096), `${'a'.repeat(4095)}b`, `b${'a'.repeat(4095)}`]
    const prints = texts.map((text) => sys.fingerprint(text))
    say([new Set(prints).size === texts.length, prints.every((print) => print.length === 32), prints[1] === sys.fingerprint('a')])
  },
  poll: () => {
    const read = sys.open(sys.argv[2] ?? '', 0)
    const start = sys.clock_gettime(1)
    const quiet = sys.socket(16, 3, 0)
    say(sys.poll([quiet], 50))
    say(sys.clock_gettime(1) - start >= 0.045)
    say(sys.poll([quiet, read], -1).length)
    say(attempt(() => sys.poll(Array(257).fill(0), 0)))
  },
  unix: () => {
    // struct sockaddr_un
    const address = Uint8Array.of(1, 0, ...new Uint8Array(sys.encodeUtf8(`${sys.argv[2]}/socket`)), 0)
    const [listener, client] = [sys.socket(1, 1, 0), sys.socket(1, 1, 0)]
    say(attempt(() => sys.connect(client, address)))
    sys.bind(listener, address)
    say(attempt(() => sys.connect(client, address)))
    sys.listen(listener, 1)
    say(sys.poll([listener], 0).length)
    sys.connect(client, address)
    say(sys.poll([listener], 1000).length)
    const server = sys.accept(listener)
    sys.send(client, Uint8Array.of(1, 2, 3))
    say([...new Uint8Array(sys.read(server, 10))])
    sys.close(server)
    say(attempt(() => sys.send(client, Uint8Array.of(4))))
  },
  sha256: () => {
    const path = `${sys.argv[2]}/hashed`
    const hash = (length: number) => {
      const fd = sys.open(path, 0o1102, 0o600)
      sys.fchmod(fd, 0o644)
      sys.write(fd, 'x'.repeat(length))
      sys.close(fd)
      const again = sys.open(path, 0)
      const digits = sys.sha256(again)
      sys.close(again)
      return digits
    }
    say([0, 1, 55, 56, 63, 64, 65, 119, 120, 262_143, 262_144, 262_145, 600_000].map(hash))
    say(sys.stat(path).mode & 0o777)
    say(attempt(() => sys.sha256(999)))
  },
  sha512: () => say([0, 1, 111, 112, 127, 128, 129, 239, 240, 1000].map((n) => sys.sha512('é'.repeat(n)))),
}

const behaviour = behaviours[sys.argv[1] ?? '']
if (behaviour) behaviour()
else sys.exit(7)
