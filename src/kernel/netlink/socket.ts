// A netlink socket: requests out, answers in, matched by sequence number. Knows acks, dumps and the kernel's explanations, no family.

import { EAGAIN, EINTR, EPERM } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import { decodeMessages, type Filter, NLM_F_DUMP_INTR, type Received } from './decode.ts'
import { concat, encodeMessage, type Message } from './encode.ts'

// sys/socket.h, linux/netlink.h
const AF_NETLINK = 16
const SOCK_RAW = 3
const SOL_SOCKET = 1
const SO_SNDBUFFORCE = 32
const SOL_NETLINK = 270
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12

const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLM_F_ACK_TLVS = 0x200
const NLMSGERR_ATTR_MSG = 1
const NLMSGERR_ATTR_OFFS = 2

export const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
export const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800

/** What fits into the send buffer of a socket as the kernel makes it (net.core.wmem_default), with room for its bookkeeping. */
const SEND_BUFFER = 64 << 10

/** How often a dump that changed while it was read is asked for again before that is an error. */
const DUMP_TRIES = 8

/** What went wrong with one request of a batch. */
export interface Failure {
  /** The request's place in the batch. */
  readonly index: number
  readonly errno: number
  /** NLMSGERR_ATTR_MSG: the kernel's own words, '' where it has none. */
  readonly detail: string
  /** NLMSGERR_ATTR_OFFS: where in the message the attribute lies that the kernel did not like; 0 where it does not say. */
  readonly offset: number
}

export interface NetlinkSocket {
  readonly fd: number
  sequence: number
}

/** Opens a socket of `protocol` (NETLINK_ROUTE, NETLINK_NETFILTER) in the namespace that the process is in; it stays there. */
export function openNetlink(protocol: number): NetlinkSocket {
  const fd = sys.socket(AF_NETLINK, SOCK_RAW, protocol)
  // An ack need not carry the request back, but should say in words what was wrong; a dump should filter where it can.
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
  const first = socket.sequence
  socket.sequence += requests.length
  // The kernel works through them in their order and reports every failure unasked: the last one's ack says that all are done.
  const last = requests.length - 1
  const messages = requests.map((request, i) => encodeMessage(request, first + i, NLM_F_REQUEST | (i === last ? NLM_F_ACK : 0)))
  sys.send(socket.fd, concat(messages))
  return receive(socket, first, last)
}

/**
 * Sends `requests` between `begin` and `end` as one datagram, which the kernel takes whole or not at all (linux/netfilter/nfnetlink.h).
 * Only the last request asks for an ack: failures of the others come before it, unasked. Failures in the requests' order;
 * index −1 is the batch itself.
 */
export function exchangeBatch(socket: NetlinkSocket, begin: Message, requests: readonly Message[], end: Message): Failure[] {
  if (requests.length === 0) return []
  const messages = [begin, ...requests, end]
  const first = socket.sequence
  socket.sequence += messages.length
  const last = requests.length
  const encoded = concat(messages.map((message, i) => encodeMessage(message, first + i, NLM_F_REQUEST | (i === last ? NLM_F_ACK : 0))))
  if (encoded.length > SEND_BUFFER) sys.setsockopt(socket.fd, SOL_SOCKET, SO_SNDBUFFORCE, 2 * encoded.length)
  sys.send(socket.fd, encoded)
  // A failure of BEGIN stands for the whole batch: nothing else is answered then.
  const { failures } = receive(socket, first, last, { whole: 0 })
  return failures.map((failure) => ({ ...failure, index: failure.index - 1 }))
}

/**
 * All objects of a dump, or those in which something of `containing` occurs.
 * The kernel flags one that changed under its hands (NLM_F_DUMP_INTR): such a dump is asked for again.
 */
export function dump(socket: NetlinkSocket, request: Message & { readonly op: string }, containing?: Filter): Received[] {
  for (let attempt = 0; attempt < DUMP_TRIES; attempt++) {
    const sequence = socket.sequence++
    sys.send(socket.fd, encodeMessage(request, sequence, NLM_F_REQUEST | NLM_F_DUMP))
    const { answers, failures } = receive(socket, sequence, 0, { containing })
    const [failure] = failures
    if (failure && failure.errno !== EINTR) throw new SysError(request.op, failure.errno, failure.detail)
    const received = answers[0] ?? []
    if (!failure && !received.some(({ flags }) => flags & NLM_F_DUMP_INTR)) return received
  }
  throw new SysError(request.op, EAGAIN, `the kernel's table kept changing during ${DUMP_TRIES} dumps`)
}

/**
 * Reads answers to the requests from sequence number `first` on, until the one at `last` has its ack, or its dump its end.
 * `whole` is the place of a request whose failure is the last that is heard of any of them; `containing` as in `dump`.
 */
function receive(
  socket: NetlinkSocket,
  first: number,
  last: number,
  { whole = -1, containing }: { whole?: number; containing?: Filter | undefined } = {},
): { answers: Received[][]; failures: Failure[] } {
  const answers: Received[][] = Array.from({ length: last + 1 }, () => [])
  const failures: Failure[] = []
  for (let done = false; !done; ) {
    for (const message of decodeMessages(sys.recv(socket.fd), containing)) {
      const index = message.sequence - first
      const answer = answers[index]
      // An answer to an earlier request, or a notification: not ours.
      if (!answer) continue
      if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
        const failure = failureOf(index, message)
        if (failure) failures.push(failure)
        if (message.flags & NLM_F_DUMP_INTR) failures.push({ index, errno: EINTR, detail: '', offset: 0 })
        // nf_tables refuses a caller without CAP_NET_ADMIN once, with its first message, and says nothing of the others.
        const refused = index === 0 && failure?.errno === EPERM
        done ||= index === last || refused || (index === whole && failure !== undefined)
      } else {
        answer.push(message)
      }
    }
  }
  return { answers, failures }
}

/** linux/netlink.h: nlmsgerr {int error; struct nlmsghdr msg;} and attributes; NLMSG_DONE carries the error number alone. */
function failureOf(index: number, { type, flags, body }: Received): Failure | undefined {
  const error = body.length >= 4 ? body.i32(0) : 0
  if (error >= 0) return undefined
  const attributes = flags & NLM_F_ACK_TLVS && body.length > ackLength(type) ? body.attributes(ackLength(type)) : undefined
  return {
    index,
    errno: -error,
    detail: attributes?.get(NLMSGERR_ATTR_MSG)?.text() ?? '',
    offset: attributes?.get(NLMSGERR_ATTR_OFFS)?.u32() ?? 0,
  }
}

/** NETLINK_CAP_ACK leaves the request's header in an error, not its payload. */
function ackLength(type: number): number {
  return type === NLMSG_ERROR ? 20 : 4
}
