// Answers to requests, matched by sequence number. Knows acks, the ends of dumps and the kernel's explanations.

import { EPERM } from '../../host/errno.ts'
import { sys } from '../../host/sys.ts'
import { NLM_F_ACK_TLVS, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS } from './constants.ts'
import { type Datagram, messageAt, splitDatagram } from './messages.ts'

/** What went wrong with one request of several. */
export interface Failure {
  /** The request's place among them. */
  readonly index: number
  readonly errno: number
  /** NLMSGERR_ATTR_MSG: the kernel's own words, '' where it has none. */
  readonly detail: string
  /** NLMSGERR_ATTR_OFFS: where in the message the attribute lies that the kernel rejected; 0 where it does not say. */
  readonly offset: number
}

/** Reads an answer that is not an ack, the message at a word of the datagram; undefined is left out. */
export type Read<T> = (datagram: Datagram, at: number) => T | undefined

export interface Answers<T> {
  /** By the request's index. */
  readonly answers: T[][]
  readonly failures: Failure[]
  /** The table changed during the dump. */
  readonly interrupted: boolean
}

/**
 * Reads answers to the requests from sequence number `first` on, until the one of the index `last` has its ack, or its dump its end.
 * `whole` is the index of a request whose failure ends all of them.
 */
export function receive<T>(fd: number, first: number, last: number, read: Read<T>, whole = -1): Answers<T> {
  const answers: T[][] = Array.from({ length: last + 1 }, () => [])
  const failures: Failure[] = []
  let interrupted = false
  for (let done = false; !done; ) {
    const datagram = splitDatagram(sys.recv(fd))
    const { words, starts } = datagram
    for (const at of starts) {
      const index = (words[at + 2] ?? 0) - first
      const found = answers[index]
      // An answer to an earlier request, or a notification.
      if (!found) continue
      const typeAndFlags = words[at + 1] ?? 0
      if ((typeAndFlags >>> 16) & NLM_F_DUMP_INTR) interrupted = true
      const type = typeAndFlags & 0xffff
      if (type !== NLMSG_ERROR && type !== NLMSG_DONE) {
        const answer = read(datagram, at)
        if (answer !== undefined) found.push(answer)
        continue
      }
      const failure = failureAt(datagram, at, index)
      if (failure) failures.push(failure)
      // nf_tables rejects a caller without CAP_NET_ADMIN once, with its first message, and does not answer the others.
      const rejected = index === 0 && failure?.errno === EPERM
      done ||= index === last || rejected || (index === whole && failure !== undefined)
    }
  }
  return { answers, failures, interrupted }
}

/** linux/netlink.h: nlmsgerr {int error; struct nlmsghdr msg;} and attributes; NLMSG_DONE carries the error number alone. */
function failureAt(datagram: Datagram, at: number, index: number): Failure | undefined {
  const { type, flags, body } = messageAt(datagram, at)
  const error = body.length >= 4 ? body.i32(0) : 0
  if (error >= 0) return undefined
  // NETLINK_CAP_ACK leaves the request's header in an error, not its payload.
  const end = type === NLMSG_ERROR ? 20 : 4
  const attributes = flags & NLM_F_ACK_TLVS && body.length > end ? body.attributes(end) : undefined
  return {
    index,
    errno: -error,
    detail: attributes?.get(NLMSGERR_ATTR_MSG)?.text() ?? '',
    offset: attributes?.get(NLMSGERR_ATTR_OFFS)?.u32() ?? 0,
  }
}
