// Reports changes by other programs to podwire's objects and to the uplink. Changes by passes are not reported, with one exception:
// what the kernel removes with a VXLAN device that a pass recreates; that costs one more pass.

import { desiredPath } from '../contract/paths.ts'
import { ENOBUFS } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { growReceiveBuffer, netlinkAddress } from '../kernel/netlink/bulk.ts'
import { type NetlinkSocket, openNetlink } from '../kernel/netlink/socket.ts'
import { NETLINK_NETFILTER, NFNLGRP_NFTABLES } from '../kernel/nftables/constants.ts'
import {
  NETLINK_ROUTE,
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV4_ROUTE,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_IPV6_ROUTE,
  RTMGRP_LINK,
  RTMGRP_NEIGH,
  RTNLGRP_IPV4_NETCONF,
  RTNLGRP_IPV6_NETCONF,
} from '../kernel/route/constants.ts'
import { isOwnPort } from './names.ts'
import { type EventKind, type Judge, messagesOf, type NodeEvent } from './notification.ts'
import { judgeFilter } from './watch-filter.ts'
import { PodWatch } from './watch-pods.ts'
import { judgeRoute } from './watch-route.ts'
import { readWatched, type Watched } from './watched.ts'

/** Of a burst of thousands of one kind the first ones suffice. */
const MAX_PER_KIND = 10

/** Milliseconds until the state on the disk is read again: during a pass, and before the first. */
const SOON = 50
const LATER = 1000

const STDIN = 0
const STDOUT = 1

/** Writes `{"event":"ready"}`, then a line for each event, until standard input ends or stdout has no reader. */
export function watchNode(stateDir: string): void {
  const route = listen(NETLINK_ROUTE, routeGroups())
  const filter = listenIfExists(NETLINK_NETFILTER, 1 << (NFNLGRP_NFTABLES - 1))
  const sockets = filter ? [route, filter] : [route]
  let watched = readWatched(stateDir)
  let stamp = stampOf(stateDir)
  let stale = false
  const pods = new PodWatch()
  const judgeRoutes: Judge = (message, known) => judgeRoute(message, known) ?? pods.judge(message, milliseconds())
  const reload = () => {
    stamp = stampOf(stateDir)
    watched = readWatched(stateDir)
    stale = false
  }
  if (!print([{ event: 'ready' }])) return
  for (;;) {
    const wait = stale ? SOON : watched ? FOREVER : LATER
    const ready = sys.poll([STDIN, ...sockets.map(({ fd }) => fd)], shorter(wait, pods.wait(milliseconds())))
    if (ready.includes(STDIN) && sys.read(STDIN, 4096).byteLength === 0) return
    // Before the notifications are read: a pass saves its state before it removes anything.
    if (stampOf(stateDir) !== stamp) reload()
    else if (ready.length === 0 && stale) reload()
    const events: NodeEvent[] = []
    for (const { fd } of sockets) {
      if (!ready.includes(fd)) continue
      const seen = drain(fd, fd === route.fd ? judgeRoutes : judgeFilter, watched)
      events.push(...seen.events)
      stale ||= seen.own
      // The device or its address has changed.
      if (seen.events.some(({ event }) => event === 'link' || event === 'address' || event === 'overrun')) reload()
    }
    events.push(...pods.due(milliseconds()))
    if (events.length > 0 && !print(shorten(events))) return
  }
}

const FOREVER = -1

/** The shorter of two waits for poll; `other` undefined is none. */
function shorter(wait: number, other: number | undefined): number {
  if (other === undefined) return wait
  return wait === FOREVER ? Math.ceil(other) : Math.min(wait, Math.ceil(other))
}

function milliseconds(): number {
  return sys.clock_gettime(CLOCK_MONOTONIC) * 1000
}

const CLOCK_MONOTONIC = 1

/** All that is queued in the socket. `own`: notifications of a pass were among it. */
function drain(fd: number, judge: Judge, watched: Watched | undefined): { events: NodeEvent[]; own: boolean } {
  const events: NodeEvent[] = []
  let own = false
  do {
    try {
      const datagram = sys.recv(fd)
      for (const message of messagesOf(datagram)) {
        if (isOwnPort(message.port)) {
          own = true
          continue
        }
        const event = judge(message, watched)
        if (event) events.push(event)
      }
    } catch (error) {
      if (!isSysError(error, ENOBUFS)) throw error
      events.push({ event: 'overrun', object: '' })
    }
  } while (sys.poll([fd], 0).length > 0)
  return { events, own }
}

/** Each event once, and at most 10 of a kind. */
function shorten(events: readonly NodeEvent[]): NodeEvent[] {
  const reported = new Set<string>()
  const counts = new Map<EventKind, number>()
  return events.filter(({ event, object }) => {
    const name = `${event} ${object}`
    const count = counts.get(event) ?? 0
    if (reported.has(name) || count === MAX_PER_KIND) return false
    reported.add(name)
    counts.set(event, count + 1)
    return true
  })
}

/** False where stdout has no reader. */
function print(events: readonly object[]): boolean {
  try {
    sys.write(STDOUT, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    return true
  } catch (error) {
    if (isSysError(error)) return false
    throw error
  }
}

function routeGroups(): number {
  const bits = [RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF].map((group) => 1 << (group - 1))
  const groups = [RTMGRP_LINK, RTMGRP_NEIGH, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE]
  return [...bits, ...groups].reduce((mask, bit) => mask | bit, 0)
}

function listen(protocol: number, groups: number): NetlinkSocket {
  const socket = openNetlink(protocol)
  growReceiveBuffer(socket)
  sys.bind(socket.fd, netlinkAddress(0, groups))
  return socket
}

/** A kernel without nf_tables has no notifications of it. */
function listenIfExists(protocol: number, groups: number): NetlinkSocket | undefined {
  try {
    return listen(protocol, groups)
  } catch (error) {
    if (isSysError(error)) return undefined
    throw error
  }
}

/** Distinguishes one version of the saved state from another: a replaced file has another inode, or another time. */
function stampOf(stateDir: string): string {
  try {
    const { ino, mtime, size } = sys.stat(desiredPath({ stateDir }))
    return `${ino} ${mtime} ${size}`
  } catch (error) {
    if (isSysError(error)) return ''
    throw error
  }
}
