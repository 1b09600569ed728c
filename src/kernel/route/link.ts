// Links: what a device is, and the requests that find, change and delete one. veth.ts and bridge.ts make them.

import { ENODEV } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { formatMac, type Mac } from '../../net/mac.ts'
import type { Attributes, Received } from '../netlink/decode.ts'
import { type Attribute, cstr, u32 } from '../netlink/encode.ts'
import { dump, exchange, type NetlinkSocket, transact } from '../netlink/socket.ts'
import {
  IF_OPER_UNKNOWN,
  IFF_ALLMULTI,
  IFF_PROMISC,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_EXT_MASK,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_OPERSTATE,
  IFLA_TXQLEN,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from './constants.ts'
import { ifinfomsg, type Request } from './request.ts'

/** A network device as RTM_NEWLINK describes it. */
export interface Link {
  readonly index: number
  readonly name: string
  readonly flags: number
  readonly mtu: number
  readonly mac: Mac
  /** IF_OPER_*, RFC 2863. */
  readonly operstate: number
  readonly alias: string
  /** `veth`, `bridge`…; '' for a device that has no kind. */
  readonly kind: string
  /** Index of the bridge or the like that it belongs to, 0 for none. */
  readonly master: number
  /** IFLA_LINK: of a veth its peer's index, in the peer's namespace. */
  readonly peer: number
  /** `ip link set NAME group N`; 0 for a device without one. */
  readonly group: number
  /** `ip link set NAME txqueuelen N`: packets that may wait. */
  readonly txqlen: number
  /** IFLA_LINKINFO, for what only links of one kind have. */
  readonly info: Attributes | undefined
}

/** A device named by index where that is known, by name otherwise. */
export type LinkRef = { readonly index: number } | { readonly name: string }

/** `ip link show NAME`; undefined where it does not exist. */
export function findLink(socket: NetlinkSocket, ref: LinkRef): Link | undefined {
  return findLinks(socket, [ref])[0]
}

/** Those of the devices that exist, requested in one datagram. */
export function findLinks(socket: NetlinkSocket, refs: readonly LinkRef[]): Link[] {
  const requests = refs.map(getLink)
  const { answers, failures } = exchange(socket, requests)
  const failure = failures.find(({ errno }) => errno !== ENODEV)
  if (failure) throw new SysError(requests[failure.index]?.op ?? 'find links', failure.errno, failure.detail)
  return answers.flat().map(decodeLink)
}

/** Sends `requests`, which make or change the link, and what it is then, as one datagram. */
export function transactLink(socket: NetlinkSocket, requests: readonly Request[], ref: LinkRef): Link {
  const [answer] = transact(socket, [...requests, getLink(ref)]).at(-1) ?? []
  if (!answer) throw new RangeError('the kernel acknowledged RTM_GETLINK without an answer')
  return decodeLink(answer)
}

/** `ip link show`; with `containing`, only those in whose description one of the texts occurs, which is far cheaper where there are many. */
export function listLinks(socket: NetlinkSocket, containing?: readonly string[]): Link[] {
  const attributes: Attribute[] = [[IFLA_EXT_MASK, u32(RTEXT_FILTER_SKIP_STATS)]]
  return dump(socket, { op: 'list links', type: RTM_GETLINK, flags: 0, body: ifinfomsg({}), attributes }, containing).map(decodeLink)
}

export function getLink(ref: LinkRef): Request {
  // The statistics of every counter would be two thirds of the answer.
  const attributes: Attribute[] = [...named(ref), [IFLA_EXT_MASK, u32(RTEXT_FILTER_SKIP_STATS)]]
  return { op: `find link ${describe(ref)}`, type: RTM_GETLINK, flags: 0, body: ifinfomsg(indexed(ref)), attributes }
}

/** `ip link set NAME up|down promisc on|off allmulticast on|off mtu N address MAC master N alias TEXT group N txqueuelen N`, whichever are given. */
export function setLink(
  ref: LinkRef,
  change: {
    up?: boolean
    promisc?: boolean
    allmulti?: boolean
    mtu?: number
    mac?: Mac
    master?: number
    alias?: string
    group?: number
    txqlen?: number
  },
): Request {
  let flags = 0
  let mask = 0
  if (change.up !== undefined) {
    mask |= IFF_UP
    if (change.up) flags |= IFF_UP
  }
  if (change.promisc !== undefined) {
    mask |= IFF_PROMISC
    if (change.promisc) flags |= IFF_PROMISC
  }
  if (change.allmulti !== undefined) {
    mask |= IFF_ALLMULTI
    if (change.allmulti) flags |= IFF_ALLMULTI
  }
  const attributes: Attribute[] = named(ref)
  if (change.mtu !== undefined) attributes.push([IFLA_MTU, u32(change.mtu)])
  if (change.mac !== undefined) attributes.push([IFLA_ADDRESS, change.mac])
  if (change.master !== undefined) attributes.push([IFLA_MASTER, u32(change.master)])
  if (change.alias !== undefined) attributes.push([IFLA_IFALIAS, cstr(change.alias)])
  if (change.group !== undefined) attributes.push([IFLA_GROUP, u32(change.group)])
  if (change.txqlen !== undefined) attributes.push([IFLA_TXQLEN, u32(change.txqlen)])
  return {
    get op() {
      const what = Object.entries(change).map(([key, value]) => `${key} ${value instanceof Uint8Array ? formatMac(value) : value}`)
      return `set link ${describe(ref)} ${what.join(' ')}`
    },
    type: RTM_NEWLINK,
    flags: 0,
    body: ifinfomsg({ ...indexed(ref), flags, change: mask }),
    attributes,
  }
}

/** `ip link set #INDEX name NAME`; the device has to be down. */
export function renameLink(index: number, name: string): Request {
  return {
    op: `rename link #${index} to ${name}`,
    type: RTM_NEWLINK,
    flags: 0,
    body: ifinfomsg({ index }),
    attributes: [[IFLA_IFNAME, cstr(name)]],
  }
}

/** `ip link del NAME` */
export function deleteLink(ref: LinkRef): Request {
  return { op: `delete link ${describe(ref)}`, type: RTM_DELLINK, flags: 0, body: ifinfomsg(indexed(ref)), attributes: named(ref) }
}

/** Deletes the device; false where there was none. */
export function removeLink(socket: NetlinkSocket, ref: LinkRef): boolean {
  try {
    transact(socket, [deleteLink(ref)])
    return true
  } catch (error) {
    if (error instanceof SysError && error.errno === ENODEV) return false
    throw error
  }
}

export function named(ref: LinkRef): Attribute[] {
  return 'name' in ref ? [[IFLA_IFNAME, cstr(ref.name)]] : []
}

export function indexed(ref: LinkRef): { index?: number } {
  return 'index' in ref ? { index: ref.index } : {}
}

export function describe(ref: LinkRef): string {
  return 'name' in ref ? ref.name : `#${ref.index}`
}

export function decodeLink({ body }: Received): Link {
  const attributes = body.attributes(16)
  const info = attributes.get(IFLA_LINKINFO)?.attributes()
  return {
    index: body.i32(4),
    name: attributes.get(IFLA_IFNAME)?.text() ?? '',
    flags: body.u32(8),
    mtu: attributes.get(IFLA_MTU)?.u32() ?? 0,
    mac: attributes.get(IFLA_ADDRESS)?.bytes() ?? new Uint8Array(0),
    operstate: attributes.get(IFLA_OPERSTATE)?.u8() ?? IF_OPER_UNKNOWN,
    alias: attributes.get(IFLA_IFALIAS)?.text() ?? '',
    kind: info?.get(IFLA_INFO_KIND)?.text() ?? '',
    master: attributes.get(IFLA_MASTER)?.u32() ?? 0,
    peer: attributes.get(IFLA_LINK)?.u32() ?? 0,
    group: attributes.get(IFLA_GROUP)?.u32() ?? 0,
    txqlen: attributes.get(IFLA_TXQLEN)?.u32() ?? 0,
    info,
  }
}
