// Objects by the thousand. A message's body (all behind nlmsghdr) is hex digits here: what is wanted and what the kernel dumps compare as text,
// without being taken apart. Three times a thousand messages are built or read this way in the time of one by encode.ts and decode.ts.

import { EAGAIN, EINTR } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import { type NetlinkSocket, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, openNetlink } from './socket.ts'

/** Hex digits: the family's fixed structure, then the attributes. */
export type Body = string

/** One of several requests that differ only in what they are about. */
export interface BodyRequest {
  readonly type: number
  readonly flags: number
  readonly body: Body
}

/** What the kernel answered to one that it did not do. */
export interface RequestFailure {
  /** The request's place in the list. */
  readonly index: number
  readonly errno: number
  /** The kernel's own words, '' where it has none. */
  readonly detail: string
}

const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLM_F_DUMP_INTR = 0x10
const NLM_F_ACK_TLVS = 0x200
const NLMSGERR_ATTR_MSG = 1
const NLMSG_HDRLEN = 16
/** struct nlmsgerr without the payload of the request, which NETLINK_CAP_ACK leaves out. */
const ERROR_LENGTH = 36

/** Should every request of a datagram fail, some hundred bytes each with their bookkeeping, all answers must find room. */
const RECEIVE_BUFFER = 4 << 20
const REQUESTS_AT_ONCE = 500
const DUMP_TRIES = 8

/** As `openNetlink`, with room for many answers. */
export function openBulkNetlink(protocol: number, portId?: number): NetlinkSocket {
  const socket = openNetlink(protocol)
  growReceiveBuffer(socket)
  if (portId !== undefined) bindPort(socket, portId)
  return socket
}

export function growReceiveBuffer({ fd }: NetlinkSocket, bytes = RECEIVE_BUFFER): void {
  try {
    sys.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)
  } catch {
    // Not root over the machine: as much as net.core.rmem_max lets.
    sys.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, bytes)
  }
}

/** Notifications of what is done through the socket carry `portId`. Where another socket has it already, the kernel's choice stays. */
function bindPort({ fd }: NetlinkSocket, portId: number): void {
  try {
    sys.bind(fd, netlinkAddress(portId, 0))
  } catch {
    // A watch then takes our changes for another's, and makes one pass more than needed.
  }
}

/** linux/netlink.h: sockaddr_nl. `groups` is a mask of multicast groups. */
export function netlinkAddress(portId: number, groups: number): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  // sa_family_t nl_family; unsigned short nl_pad; __u32 nl_pid; __u32 nl_groups;
  view.setUint16(0, 16, true)
  view.setUint32(4, portId, true)
  view.setUint32(8, groups, true)
  return bytes
}

/**
 * The bodies of a dump, of each at most the first `most` bytes: behind what makes the difference some have clocks.
 * A dump that changed under the kernel's hands is asked for again.
 */
export function dumpBodies(socket: NetlinkSocket, op: string, type: number, body: Body, most = 0xffff): Body[] {
  for (let attempt = 0; attempt < DUMP_TRIES; attempt++) {
    const sequence = socket.sequence++
    send(socket, hexMessage(type, NLM_F_REQUEST | NLM_F_DUMP, sequence, body))
    const bodies = receiveDump(socket, op, sequence, most)
    if (bodies) return bodies
  }
  throw new SysError(op, EAGAIN, `the kernel's table kept changing during ${DUMP_TRIES} dumps`)
}

/**
 * Sends the requests, in datagrams of some hundreds, and reads every answer: the kernel works in order and reports each failure, then the last one's ack
 * says that all are done. ENOBUFS from here means that answers were lost, and nothing is known of the requests of that datagram.
 */
export function sendBodies(socket: NetlinkSocket, requests: readonly BodyRequest[]): RequestFailure[] {
  const failures: RequestFailure[] = []
  for (let from = 0; from < requests.length; from += REQUESTS_AT_ONCE) {
    const some = requests.slice(from, from + REQUESTS_AT_ONCE)
    const first = socket.sequence
    socket.sequence += some.length
    const last = some.length - 1
    let text = ''
    for (let i = 0; i <= last; i++) {
      const request = some[i]
      if (request) text += hexMessage(request.type, request.flags | NLM_F_REQUEST | (i === last ? NLM_F_ACK : 0), first + i, request.body)
    }
    send(socket, text)
    for (const refusal of receiveAcks(socket, first, last)) failures.push({ ...refusal, index: from + refusal.index })
  }
  return failures
}

/** 16 bits in the machine's order. */
export function hex16(value: number): string {
  return hex8(value & 0xff) + hex8(value >> 8)
}

/** 32 bits in the machine's order. */
export function hex32(value: number): string {
  return hex8(value & 0xff) + hex8((value >>> 8) & 0xff) + hex8((value >>> 16) & 0xff) + hex8(value >>> 24)
}

export function hex8(value: number): string {
  return value < 16 ? `0${value.toString(16)}` : value.toString(16)
}

/** What stands for `hex32` in a body at a digit's place. */
export function readHex32(body: Body, at: number): number {
  const digits = (i: number) => body.slice(at + i, at + i + 2)
  return Number.parseInt(digits(6) + digits(4) + digits(2) + digits(0), 16)
}

/** An attribute whose value is `digits`, padded to four bytes (linux/netlink.h: nlattr). */
export function hexAttribute(type: number, digits: string): string {
  const padding = -(digits.length / 2) & 3
  return hex16(4 + digits.length / 2) + hex16(type) + digits + '00'.repeat(padding)
}

/** The attributes of a body from a digit's place on, by type; undefined where they are not laid out as attributes are. */
export function readHexAttributes(body: Body, at: number): Map<number, string> | undefined {
  const attributes = new Map<number, string>()
  for (let offset = at; offset + 8 <= body.length; ) {
    const header = readHex32(body, offset)
    const size = (header & 0xffff) * 2
    if (size < 8 || offset + size > body.length) return undefined
    attributes.set((header >>> 16) & 0x3fff, body.slice(offset + 8, offset + size))
    offset += (size + 7) & ~7
  }
  return attributes
}

function hexMessage(type: number, flags: number, sequence: number, body: Body): string {
  // __u32 nlmsg_len; __u16 nlmsg_type; __u16 nlmsg_flags; __u32 nlmsg_seq; __u32 nlmsg_pid;
  return `${hex32(NLMSG_HDRLEN + body.length / 2)}${hex16(type)}${hex16(flags)}${hex32(sequence)}00000000${body}`
}

function send(socket: NetlinkSocket, digits: string): void {
  sys.send(socket.fd, new Uint8Array(sys.unhex(digits)))
}

/** The bodies that belong to the dump of that sequence number; undefined where it was interrupted. */
function receiveDump(socket: NetlinkSocket, op: string, sequence: number, most: number): Body[] | undefined {
  const bodies: Body[] = []
  let interrupted = false
  for (;;) {
    const datagram = sys.recv(socket.fd)
    const words = new Uint32Array(datagram, 0, datagram.byteLength >> 2)
    for (let at = 0; at + 4 <= words.length; ) {
      const length = messageLength(words, at, datagram)
      const header = words[at + 1] ?? 0
      if (words[at + 2] === sequence) {
        if ((header >>> 16) & NLM_F_DUMP_INTR) interrupted = true
        const type = header & 0xffff
        if (type === NLMSG_DONE || type === NLMSG_ERROR) {
          const errno = -((words[at + 4] ?? 0) | 0)
          if (errno > 0 && errno !== EINTR) throw new SysError(op, errno, type === NLMSG_ERROR ? failureText(datagram, at * 4, length) : '')
          return interrupted || errno === EINTR ? undefined : bodies
        }
        const size = length - NLMSG_HDRLEN
        bodies.push(sys.hex(datagram, at * 4 + NLMSG_HDRLEN, Math.min(size, most)))
      }
      at += (length + 3) >> 2
    }
  }
}

function receiveAcks(socket: NetlinkSocket, first: number, last: number): RequestFailure[] {
  const failures: RequestFailure[] = []
  for (;;) {
    const datagram = sys.recv(socket.fd)
    const words = new Uint32Array(datagram, 0, datagram.byteLength >> 2)
    let done = false
    for (let at = 0; at + 4 <= words.length; ) {
      const length = messageLength(words, at, datagram)
      const index = (words[at + 2] ?? 0) - first
      if (((words[at + 1] ?? 0) & 0xffff) === NLMSG_ERROR && index >= 0 && index <= last) {
        const errno = -((words[at + 4] ?? 0) | 0)
        if (errno > 0) failures.push({ index, errno, detail: failureText(datagram, at * 4, length) })
        done ||= index === last
      }
      at += (length + 3) >> 2
    }
    if (done) return failures
  }
}

function messageLength(words: Uint32Array, at: number, datagram: ArrayBuffer): number {
  const length = words[at] ?? 0
  if (length >= NLMSG_HDRLEN && at * 4 + length <= datagram.byteLength) return length
  throw new RangeError(
    `netlink message at ${at * 4} claims ${length} bytes, ${NLMSG_HDRLEN} to ${datagram.byteLength - at * 4} are possible`,
  )
}

/** NLMSGERR_ATTR_MSG of an error. */
function failureText(datagram: ArrayBuffer, start: number, length: number): string {
  const flags = new DataView(datagram).getUint16(start + 6, true)
  if (!(flags & NLM_F_ACK_TLVS) || length <= ERROR_LENGTH) return ''
  const text = readHexAttributes(sys.hex(datagram, start + ERROR_LENGTH, length - ERROR_LENGTH), 0)?.get(NLMSGERR_ATTR_MSG)
  if (!text) return ''
  const bytes = sys.unhex(text)
  return sys.decodeUtf8(bytes, 0, Math.max(0, bytes.byteLength - 1))
}
