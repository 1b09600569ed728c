// What rtnetlink notifies of, by message type; the bodies are read where they are written.

import { type Body, readHex32, readHexAttributes } from '../netlink/hex.ts'
import {
  NETCONFA_FORWARDING,
  NETCONFA_IFINDEX,
  NETCONFA_IFINDEX_ALL,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWNETCONF,
  RTM_NEWROUTE,
} from './constants.ts'

export interface Notification {
  readonly object: 'route' | 'link' | 'address' | 'neighbour' | 'netconf'
  readonly deleted: boolean
}

const notifications: Readonly<Record<number, Notification>> = {
  [RTM_NEWROUTE]: { object: 'route', deleted: false },
  [RTM_DELROUTE]: { object: 'route', deleted: true },
  [RTM_NEWLINK]: { object: 'link', deleted: false },
  [RTM_DELLINK]: { object: 'link', deleted: true },
  [RTM_NEWADDR]: { object: 'address', deleted: false },
  [RTM_DELADDR]: { object: 'address', deleted: true },
  [RTM_NEWNEIGH]: { object: 'neighbour', deleted: false },
  [RTM_DELNEIGH]: { object: 'neighbour', deleted: true },
  [RTM_NEWNETCONF]: { object: 'netconf', deleted: false },
}

/** Undefined for a message of another type. */
export function notificationOf(type: number): Notification | undefined {
  return notifications[type]
}

/** The family whose forwarding was switched off for all devices (linux/netconf.h: netconfmsg); undefined for any other change. */
export function forwardingOff(body: Body): 4 | 6 | undefined {
  const attributes = readHexAttributes(body, 8)
  const value = (type: number) => {
    const digits = attributes?.get(type)
    return digits === undefined ? undefined : readHex32(digits, 0) | 0
  }
  if (value(NETCONFA_IFINDEX) !== NETCONFA_IFINDEX_ALL || value(NETCONFA_FORWARDING) !== 0) return undefined
  return body.startsWith('02') ? 4 : 6
}
