// Requests and dumps by the thousand, their bodies as hex digits (hex.ts).

import { sys } from '../../host/sys.ts'
import { NLM_F_DUMP, NLM_F_REQUEST, SO_RCVBUF, SO_RCVBUFFORCE, SOL_SOCKET } from './constants.ts'
import type { Body } from './hex.ts'
import { NLMSG_HDRLEN, writeHeader } from './messages.ts'
import { type Failure, receive } from './receive.ts'
import { dumpWith, type NetlinkSocket, openNetlink, requestFlags } from './socket.ts'

/** One of several requests that differ only in their objects. */
export interface BodyRequest {
  readonly type: number
  readonly flags: number
  readonly body: Body
}

/** Should every request of a datagram fail, some hundred bytes each with their bookkeeping, all answers must find room. */
const RECEIVE_BUFFER = 4 << 20
const REQUESTS_AT_ONCE = 500

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

/** The bodies of a dump, of each at most the first `max` bytes: some have clocks behind what makes the difference. */
export function dumpBodies(socket: NetlinkSocket, op: string, type: number, body: Body, max = 0xffff): Body[] {
  const request = [{ type, flags: NLM_F_DUMP, body }]
  const send = (sequence: number) => sendDatagram(socket, request, sequence, () => NLM_F_REQUEST)
  return dumpWith(socket, op, send, ({ bytes, words }, at) =>
    sys.hex(bytes.buffer, at * 4 + NLMSG_HDRLEN, Math.min((words[at] ?? 0) - NLMSG_HDRLEN, max)),
  )
}

/**
 * Sends the requests, in datagrams of some hundreds, and reads every answer. ENOBUFS from here means that answers were lost, and nothing
 * is known of the requests of that datagram.
 */
export function sendBodies(socket: NetlinkSocket, requests: readonly BodyRequest[]): Failure[] {
  const failures: Failure[] = []
  for (let from = 0; from < requests.length; from += REQUESTS_AT_ONCE) {
    const batch = requests.slice(from, from + REQUESTS_AT_ONCE)
    const last = batch.length - 1
    const first = socket.sequence
    socket.sequence += batch.length
    sendDatagram(socket, batch, first, (i) => requestFlags(i === last))
    for (const failure of receive(socket.fd, first, last, () => undefined).failures)
      failures.push({ ...failure, index: from + failure.index })
  }
  return failures
}

/** Sixteen zeros stand for each header until the digits are bytes. */
const HEADER = '00'.repeat(NLMSG_HDRLEN)

function sendDatagram(socket: NetlinkSocket, requests: readonly BodyRequest[], first: number, flagsOf: (i: number) => number): void {
  let digits = ''
  for (const { body } of requests) digits += HEADER + body
  const bytes = sys.unhex(digits)
  const words = new Uint32Array(bytes)
  let at = 0
  requests.forEach(({ type, flags, body }, i) => {
    const length = NLMSG_HDRLEN + body.length / 2
    writeHeader(words, at, length, type, flags | flagsOf(i), first + i)
    at += length >> 2
  })
  sys.send(socket.fd, new Uint8Array(bytes))
}
