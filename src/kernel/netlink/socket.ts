// A netlink socket: requests out, answers in, matched by sequence number. Knows acks, dumps and the kernel's explanations, no family.

import { EAGAIN, EINTR } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import { decodeMessages, type Received, type View } from './decode.ts'
import { concat, encodeMessage, type Message } from './encode.ts'

// sys/socket.h, linux/netlink.h
const AF_NETLINK = 16
const SOCK_RAW = 3
const SOL_NETLINK = 270
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12

const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLM_F_DUMP_INTR = 0x10
const NLM_F_ACK_TLVS = 0x200
const NLMSGERR_ATTR_MSG = 1

export const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
export const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800

/** How often a dump that changed while it was read is asked for again before that is an error. */
const DUMP_TRIES = 8

/** What went wrong with one request of a batch. */
export interface Failure {
  /** The request's place in the batch. */
  readonly index: number
  readonly errno: number
  /** NLMSGERR_ATTR_MSG: the kernel's own words, '' where it has none. */
  readonly detail: string
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

/** Like `transact`, but a failure is told instead of thrown, so that the caller can decide. */
export function exchange(socket: NetlinkSocket, requests: readonly Message[]): { answers: Received[][]; failures: Failure[] } {
  const first = socket.sequence
  socket.sequence += requests.length
  const acknowledged = requests.map((request, i) =>
    encodeMessage({ ...request, flags: request.flags | NLM_F_REQUEST | NLM_F_ACK }, first + i),
  )
  sys.send(socket.fd, concat(acknowledged))
  return receive(socket, first, requests.length)
}

/** All objects of a dump. The kernel flags one that changed under its hands (NLM_F_DUMP_INTR): such a dump is asked for again. */
export function dump(socket: NetlinkSocket, request: Message & { readonly op: string }): Received[] {
  for (let attempt = 0; attempt < DUMP_TRIES; attempt++) {
    const sequence = socket.sequence++
    sys.send(socket.fd, encodeMessage({ ...request, flags: request.flags | NLM_F_REQUEST | NLM_F_DUMP }, sequence))
    const { answers, failures } = receive(socket, sequence, 1)
    const [failure] = failures
    if (failure && failure.errno !== EINTR) throw new SysError(request.op, failure.errno, failure.detail)
    const received = answers[0] ?? []
    if (!failure && !received.some(({ flags }) => flags & NLM_F_DUMP_INTR)) return received
  }
  throw new SysError(request.op, EAGAIN, `the kernel's table kept changing during ${DUMP_TRIES} dumps`)
}

/** Reads until each of `count` requests from sequence number `first` on has its ack, or its dump its end. */
function receive(socket: NetlinkSocket, first: number, count: number): { answers: Received[][]; failures: Failure[] } {
  const answers: Received[][] = Array.from({ length: count }, () => [])
  const failures: Failure[] = []
  const open = new Set(answers.keys())
  while (open.size > 0) {
    for (const message of decodeMessages(sys.recv(socket.fd))) {
      const index = message.sequence - first
      const answer = answers[index]
      // An answer to an earlier request, or a notification: not ours.
      if (!answer) continue
      if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
        open.delete(index)
        const failure = failureOf(index, message)
        if (failure) failures.push(failure)
        if (message.flags & NLM_F_DUMP_INTR) failures.push({ index, errno: EINTR, detail: '' })
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
  const attributes = flags & NLM_F_ACK_TLVS && body.length > ackLength(type) ? body.attributes(ackLength(type)) : new Map<number, View>()
  return { index, errno: -error, detail: attributes.get(NLMSGERR_ATTR_MSG)?.text() ?? '' }
}

/** NETLINK_CAP_ACK leaves the request's header in an error, not its payload. */
function ackLength(type: number): number {
  return type === NLMSG_ERROR ? 20 : 4
}
