// A stream to the service with one deadline for all of it: no peer can make a call wait longer.

import { EAGAIN, EALREADY, EINPROGRESS, EISCONN, ETIMEDOUT } from '../../host/errno.ts'
import { isSysError, SysError } from '../../host/error.ts'
import { SOCK_NONBLOCK, SOCK_STREAM } from '../../host/socket.ts'
import { sys } from '../../host/sys.ts'
import type { Endpoint } from './endpoint.ts'

// asm-generic/poll.h, linux/time.h
const POLLIN = 1
const POLLOUT = 4
const CLOCK_MONOTONIC = 1

const CHUNK = 16 << 10
/** Milliseconds between two attempts at a Unix socket whose backlog is full: the kernel does not report when there is room. */
const BACKLOG_PAUSE = 10

export interface Connection {
  /** All of it. */
  send(bytes: Uint8Array): void
  /** What has come, at least a byte; an empty buffer where the peer has ended. */
  receive(): ArrayBuffer
}

/** Milliseconds of a clock that nothing sets: what a deadline is a time of. */
export function now(): number {
  return sys.clock_gettime(CLOCK_MONOTONIC) * 1000
}

/** Connects, runs `body` and closes. Throws a SysError, ETIMEDOUT at the deadline. */
export function withConnection<T>(endpoint: Endpoint, deadline: number, body: (connection: Connection) => T): T {
  const fd = sys.socket(endpoint.domain, SOCK_STREAM | SOCK_NONBLOCK, 0)
  try {
    connect(fd, endpoint, deadline)
    return body({ send: (bytes) => sendAll(fd, bytes, deadline), receive: () => receive(fd, deadline) })
  } finally {
    sys.close(fd)
  }
}

function connect(fd: number, { sockaddr }: Endpoint, deadline: number): void {
  for (;;) {
    try {
      sys.connect(fd, sockaddr)
      return
    } catch (error) {
      if (isSysError(error, EISCONN)) return
      if (isSysError(error, EINPROGRESS, EALREADY)) waitFor(fd, POLLOUT, deadline, 'connect')
      else if (isSysError(error, EAGAIN)) {
        left(deadline, 'connect')
        sys.nanosleep(BACKLOG_PAUSE)
      } else throw error
    }
  }
}

function sendAll(fd: number, bytes: Uint8Array, deadline: number): void {
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += sys.send(fd, bytes.subarray(sent, sent + CHUNK))
    } catch (error) {
      if (!isSysError(error, EAGAIN)) throw error
      waitFor(fd, POLLOUT, deadline, 'send')
    }
  }
}

function receive(fd: number, deadline: number): ArrayBuffer {
  for (;;) {
    waitFor(fd, POLLIN, deadline, 'receive')
    try {
      return sys.read(fd, CHUNK)
    } catch (error) {
      if (!isSysError(error, EAGAIN)) throw error
    }
  }
}

/** An error of the socket counts as ready: the next call reports it. */
function waitFor(fd: number, events: number, deadline: number, what: string): void {
  while (sys.poll([fd], left(deadline, what), events).length === 0);
}

function left(deadline: number, what: string): number {
  const milliseconds = Math.ceil(deadline - now())
  if (milliseconds <= 0) throw new SysError(what, ETIMEDOUT)
  return milliseconds
}
