// A netlink socket: transactions, batches and dumps of any family. How answers are read is in receive.ts.

import { EAGAIN, EINTR } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { AF_NETLINK, SOCK_RAW } from '../../host/socket.ts'
import { sys } from '../../host/sys.ts'
import {
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  SO_SNDBUFFORCE,
  SOL_NETLINK,
  SOL_SOCKET,
} from './constants.ts'
import type { Filter, Received } from './decode.ts'
import { concat, encodeMessage, type Message } from './encode.ts'
import { messageAt } from './messages.ts'
import { type Failure, type Read, receive } from './receive.ts'

/** What fits into the send buffer of a socket as the kernel makes it (net.core.wmem_default), with room for its bookkeeping. */
const SEND_BUFFER = 64 << 10

export interface NetlinkSocket {
  readonly fd: number
  sequence: number
}

/** Opens a socket of `protocol` (NETLINK_ROUTE, NETLINK_NETFILTER) in the namespace that the process is in; it stays there. */
export function openNetlink(protocol: number): NetlinkSocket {
  const fd = sys.socket(AF_NETLINK, SOCK_RAW, protocol)
  // An ack need not carry the request back, but should explain a failure in words; a dump should filter where it can.
  for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
    try {
      sys.setsockopt(fd, SOL_NETLINK, option, 1)
    } catch {
      // Kernels before 4.20 lack the last one: the caller filters anyway.
    }
  }
  return { fd, sequence: 1 }
}

/** A socket of `protocol` for the length of `body`. */
export function withNetlink<T>(protocol: number, body: (socket: NetlinkSocket) => T): T {
  const socket = openNetlink(protocol)
  try {
    return body(socket)
  } finally {
    closeNetlink(socket)
  }
}

export function closeNetlink(socket: NetlinkSocket): void {
  sys.close(socket.fd)
}

/** Sends the requests as one datagram and collects what each was answered; throws the first failure as a SysError named by `ops`. */
export function transact(socket: NetlinkSocket, requests: readonly (Message & { readonly op: string })[]): Received[][] {
  const { answers, failures } = exchange(socket, requests)
  const [first] = failures
  if (first) throw new SysError(requests[first.index]?.op ?? 'netlink', first.errno, first.detail)
  return answers
}

/** Like `transact`, but a failure is returned instead of thrown, so that the caller can decide. */
export function exchange(socket: NetlinkSocket, requests: readonly Message[]): { answers: Received[][]; failures: Failure[] } {
  if (requests.length === 0) return { answers: [], failures: [] }
  const last = requests.length - 1
  const first = send(socket, requests, last)
  return receive(socket.fd, first, last, messageAt)
}

/**
 * Sends `requests` between `begin` and `end` as one datagram, which the kernel takes whole or not at all (linux/netfilter/nfnetlink.h).
 * Failures in the requests' order; index −1 is the batch itself.
 */
export function exchangeBatch(socket: NetlinkSocket, begin: Message, requests: readonly Message[], end: Message): Failure[] {
  if (requests.length === 0) return []
  const last = requests.length
  const first = send(socket, [begin, ...requests, end], last)
  // A failure of BEGIN stands for the whole batch: nothing else is answered then.
  const { failures } = receive(socket.fd, first, last, () => undefined, 0)
  return failures.map((failure) => ({ ...failure, index: failure.index - 1 }))
}

/** All objects of a dump, or those in which something of `containing` occurs: a search costs a twentieth of reading attributes. */
export function dump(socket: NetlinkSocket, request: Message & { readonly op: string }, containing?: Filter): Received[] {
  const send = (sequence: number) => sys.send(socket.fd, encodeMessage(request, sequence, NLM_F_REQUEST | NLM_F_DUMP))
  return dumpWith(socket, request.op, send, (datagram, at) => {
    const message = messageAt(datagram, at)
    return !containing || message.body.contains(containing) ? message : undefined
  })
}

/** A table that changes during this many dumps in a row has a process that changes it in a loop. */
const DUMP_TRIES = 8

/** What `read` makes of each object of a dump. One that the kernel flags as interrupted is requested again. */
export function dumpWith<T>(socket: NetlinkSocket, op: string, send: (sequence: number) => void, read: Read<T>): T[] {
  for (let attempt = 0; attempt < DUMP_TRIES; attempt++) {
    const sequence = socket.sequence++
    send(sequence)
    const { answers, failures, interrupted } = receive(socket.fd, sequence, 0, read)
    const failure = failures.find(({ errno }) => errno !== EINTR)
    if (failure) throw new SysError(op, failure.errno, failure.detail)
    if (failures.length === 0 && !interrupted) return answers[0] ?? []
  }
  throw new SysError(op, EAGAIN, `the kernel's table kept changing during ${DUMP_TRIES} dumps`)
}

/** Of one request of several. The kernel works in order and reports each failure unrequested: the last one's ack says that all are done. */
export function requestFlags(isLast: boolean): number {
  return NLM_F_REQUEST | (isLast ? NLM_F_ACK : 0)
}

/** The messages as one datagram, the one of the index `last` with a request for its ack; returns the first one's sequence number. */
function send(socket: NetlinkSocket, messages: readonly Message[], last: number): number {
  const first = socket.sequence
  socket.sequence += messages.length
  const datagram = concat(messages.map((message, i) => encodeMessage(message, first + i, requestFlags(i === last))))
  if (datagram.length > SEND_BUFFER) sys.setsockopt(socket.fd, SOL_SOCKET, SO_SNDBUFFORCE, 2 * datagram.length)
  sys.send(socket.fd, datagram)
  return first
}
