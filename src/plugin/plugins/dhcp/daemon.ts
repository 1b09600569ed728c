// `dhcp daemon`: one loop over its socket, the plugins' requests and the exchanges with DHCP servers. It never waits for one of them alone.

import { CniError, ErrInternal, formatError, toCniError } from '../../../cni/error.ts'
import type { JsonObject } from '../../../cni/json.ts'
import { ECONNREFUSED, ENOENT, EPIPE } from '../../../host/errno.ts'
import { isSysError } from '../../../host/error.ts'
import { AF_UNIX, SOCK_STREAM } from '../../../host/socket.ts'
import { sys } from '../../../host/sys.ts'
import { directoryOf, makeDirectories, removeIfExists, replaceText } from '../../../host/whole-file.ts'
import { bootSeconds } from './clock.ts'
import { parseDaemonFlags, usage } from './daemon-flags.ts'
import { daemonAddress, decodeRequest, sendLine } from './daemon-request.ts'
import type { Exchange } from './exchange-socket.ts'
import { LeaseManager } from './lease-manager.ts'
import { report } from './stderr.ts'

const STDERR = 2
const BACKLOG = 128
/** Together with the exchanges fewer than poll takes. */
const MAX_CONNECTIONS = 100
const MAX_LINE = 1 << 20
/** systemd's first (sd_listen_fds(3)). */
const LISTEN_FDS_START = 3

interface Connection {
  readonly fd: number
  text: string
  /** The whole request was read. */
  isRead: boolean
  exchange: Exchange | undefined
}

/** Runs until it is killed; returns the exit status where it cannot start. Its leases are on disk, and survive it. */
export function runDaemon(args: readonly string[]): number {
  const flags = parseDaemonFlags(args)
  if (typeof flags === 'string') {
    sys.write(STDERR, `dhcp daemon: ${flags}\n${usage}`)
    return 2
  }
  try {
    const path = `${flags.hostprefix}${flags.socketpath}`
    const listener = listen(path)
    if (flags.pidfile) replaceText(flags.pidfile, String(sys.getpid()), 0o644)
    loop(listener, new LeaseManager(flags, `${path}.leases`))
  } catch (error) {
    report(formatError(toCniError(error)))
    return 1
  }
}

function loop(listener: number, manager: LeaseManager): never {
  const { exchanges } = manager
  const connections = new Map<number, Connection>()
  for (;;) {
    manager.tick(bootSeconds())
    const wait = manager.dueAt - bootSeconds()
    const running = exchanges.byFd
    const accepting = connections.size < MAX_CONNECTIONS && exchanges.hasRoom ? [listener] : []
    const ready = sys.poll([...running.keys(), ...connections.keys(), ...accepting], milliseconds(wait))
    for (const fd of ready) {
      // A descriptor may have been closed, and be another's, since poll reported it.
      if (fd !== listener && sys.poll([fd], 0).length === 0) continue
      const exchange = running.get(fd)
      const connection = connections.get(fd)
      if (exchange && exchanges.isRunning(exchange)) exchange.receive(bootSeconds())
      else if (connection) readRequest(connection, connections, manager)
      else if (fd === listener) accept(listener, connections)
    }
  }
}

/** poll's: at most an hour, as a clock does not advance while suspended. */
function milliseconds(seconds: number): number {
  return Math.ceil(Math.min(Math.max(seconds, 0), 3600) * 1000)
}

function accept(listener: number, connections: Map<number, Connection>): void {
  const fd = sys.accept(listener)
  connections.set(fd, { fd, text: '', isRead: false, exchange: undefined })
}

/** Reads a plugin's request and serves it. The request of a plugin that closes its end before it is answered is cancelled. */
function readRequest(connection: Connection, connections: Map<number, Connection>, manager: LeaseManager): void {
  const part = readPart(connection.fd)
  const close = () => {
    if (!connections.delete(connection.fd)) return
    sys.close(connection.fd)
  }
  if (part === '' || connection.isRead || connection.text.length > MAX_LINE) {
    if (connection.exchange) {
      report('a plugin has ended before its server answered')
      manager.exchanges.cancel(connection.exchange)
    }
    close()
    return
  }
  connection.text += part
  const end = connection.text.indexOf('\n')
  if (end < 0) return
  connection.isRead = true
  const answer = (outcome: JsonObject | CniError) => {
    answerPlugin(connection.fd, outcome)
    close()
  }
  try {
    connection.exchange = manager.serve(decodeRequest(connection.text.slice(0, end)), bootSeconds(), answer)
  } catch (error) {
    answer(toCniError(error))
  }
}

function readPart(fd: number): string {
  try {
    const part = sys.read(fd, 65536)
    return sys.decodeUtf8(part, 0, part.byteLength)
  } catch (error) {
    if (isSysError(error)) return ''
    throw error
  }
}

function answerPlugin(fd: number, outcome: JsonObject | CniError): void {
  const { code, message, details } = outcome instanceof CniError ? outcome : new CniError(ErrInternal, '')
  try {
    sendLine(fd, outcome instanceof CniError ? { error: { code, msg: message, details } } : outcome)
  } catch (error) {
    if (!isSysError(error, EPIPE)) throw error
  }
}

/** systemd's socket where it passes one (sd_listen_fds(3)); else one at `path`, in place of one that no process listens on. */
function listen(path: string): number {
  if (sys.getenv('LISTEN_PID') === String(sys.getpid()) && sys.getenv('LISTEN_FDS') === '1') return LISTEN_FDS_START
  makeDirectories(directoryOf(path), 0o700)
  if (hasListener(path)) throw new CniError(ErrInternal, `another daemon is listening on ${path}`)
  removeIfExists(path)
  const fd = sys.socket(AF_UNIX, SOCK_STREAM, 0)
  sys.bind(fd, daemonAddress(path))
  sys.listen(fd, BACKLOG)
  return fd
}

function hasListener(path: string): boolean {
  const fd = sys.socket(AF_UNIX, SOCK_STREAM, 0)
  try {
    sys.connect(fd, daemonAddress(path))
    return true
  } catch (error) {
    if (isSysError(error, ENOENT, ECONNREFUSED)) return false
    throw error
  } finally {
    sys.close(fd)
  }
}
