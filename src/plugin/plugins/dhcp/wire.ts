// An interface in a pod as a DHCP client uses it: brought up, with a socket that sees and sends whole frames.

import { CniError, ErrInternal } from '../../../cni/error.ts'
import { isSysError } from '../../../host/error.ts'
import { AF_INET, AF_PACKET, SOCK_DGRAM, SOCK_RAW } from '../../../host/socket.ts'
import { sys } from '../../../host/sys.ts'
import { inNamespace, openNamespace } from '../../../kernel/namespace.ts'
import { be16, concat, u16, u32 } from '../../../kernel/netlink/encode.ts'
import { transact, withNetlink } from '../../../kernel/netlink/socket.ts'
import { IFF_UP, NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { findLink, type Link, setLink } from '../../../kernel/route/link.ts'
import type { Mac } from '../../../net/mac.ts'
import { ETH_P_IP } from './frame.ts'

const CLIENT_PORT = 68

export interface Wire {
  readonly fd: number
  readonly mac: Mac
  /** An ipvlan gets no answer to an address that it does not have yet. */
  readonly needsBroadcast: boolean
  /** A socket on the client's port: without one the kernel would answer the server with port unreachable. */
  readonly port: number | undefined
}

/** Opens the interface. Throws a CniError where it is not there, a SysError where the namespace is not. */
export function openWire(netns: string, ifname: string): Wire {
  return inPod(netns, () => {
    const link = requireLink(ifname)
    if (!(link.flags & IFF_UP)) setUp(link, true)
    const fd = sys.socket(AF_PACKET, SOCK_RAW, 0)
    try {
      // struct sockaddr_ll; frames are received only from here on
      sys.bind(fd, concat([u16(AF_PACKET), be16(ETH_P_IP), u32(link.index), new Uint8Array(12)]))
    } catch (error) {
      sys.close(fd)
      throw error
    }
    return { fd, mac: link.mac, needsBroadcast: link.kind === 'ipvlan', port: openPort() }
  })
}

export function closeWire({ fd, port }: Wire): void {
  sys.close(fd)
  if (port !== undefined) sys.close(port)
}

/** The MAC of the interface; undefined where it, or its namespace, is gone. */
export function macOf(netns: string, ifname: string): Mac | undefined {
  try {
    return inPod(netns, () => requireLink(ifname).mac)
  } catch (error) {
    if (error instanceof CniError || isSysError(error)) return undefined
    throw error
  }
}

/** `ip link set IFNAME down`: an address that has expired must not be used any more. */
export function setDown(netns: string, ifname: string): void {
  inPod(netns, () => setUp(requireLink(ifname), false))
}

function inPod<T>(netns: string, body: () => T): T {
  const fd = openNamespace(netns)
  try {
    return inNamespace(fd, body)
  } finally {
    sys.close(fd)
  }
}

function requireLink(ifname: string): Link {
  const link = withNetlink(NETLINK_ROUTE, (route) => findLink(route, { name: ifname }))
  if (!link) throw new CniError(ErrInternal, `error looking up ${JSON.stringify(ifname)}: Link not found`)
  if (link.mac.length !== 6) throw new CniError(ErrInternal, `${ifname} is not an Ethernet interface`)
  return link
}

function setUp({ index }: Link, up: boolean): void {
  withNetlink(NETLINK_ROUTE, (route) => transact(route, [setLink({ index }, { up })]))
}

/** Undefined where another client has the port. */
function openPort(): number | undefined {
  const fd = sys.socket(AF_INET, SOCK_DGRAM, 0)
  try {
    // struct sockaddr_in
    sys.bind(fd, concat([u16(AF_INET), be16(CLIENT_PORT), new Uint8Array(12)]))
    return fd
  } catch (error) {
    sys.close(fd)
    if (isSysError(error)) return undefined
    throw error
  }
}
