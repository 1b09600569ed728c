// The bridge itself: made when it is missing, given its gateway addresses, otherwise left as its owner set it up.

import { CniError, ErrInvalidNetworkConfig } from '../../cni/error.ts'
import type { Undo } from '../../cni/undo.ts'
import { EADDRNOTAVAIL, EEXIST, EOPNOTSUPP } from '../../host/errno.ts'
import { isSysError, SysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { exchange, transact } from '../../kernel/netlink/socket.ts'
import { addAddress, addLinkLocal, deleteAddress, listAddresses } from '../../kernel/route/address.ts'
import { addBridge, type PortVlan } from '../../kernel/route/bridge.ts'
import { IFF_PROMISC, IFF_UP } from '../../kernel/route/constants.ts'
import { findLink, type Link, listLinks, removeLink, setLink } from '../../kernel/route/link.ts'
import { trySysctl } from '../../kernel/sysctl.ts'
import { isLinkLocal, sameAddress } from '../../net/address.ts'
import { type Cidr, cidrContains, formatCidr, sameCidr } from '../../net/cidr.ts'
import { type Mac, macFromIPv4 } from '../../net/mac.ts'
import { noVlanFiltering } from './bridge-port.ts'

/** What a bridge is made with. */
export interface BridgeSetup {
  readonly bridge: string
  readonly promisc: boolean
  /** Bytes; 0 for the kernel's default. */
  readonly mtu: number
  /** VLAN filtering is on where there are any. */
  readonly vlans: readonly PortVlan[]
  readonly alias?: string
}

/**
 * Finds the bridge or makes it; sets it up, and promiscuous where configured. MAC, MTU and VLAN filtering of an existing one are left alone.
 * Undo deletes a bridge that was made here unless it has ports by then; an existing one stays up and promiscuous.
 */
export function ensureBridge(route: NetlinkSocket, config: BridgeSetup, gateways: readonly Cidr[], undo: Undo): Link {
  const found = findBridge(route, config.bridge) ?? createBridge(route, config, gateways, undo)
  const promisc = config.promisc && !(found.flags & IFF_PROMISC)
  if (found.flags & IFF_UP && !promisc) return found
  transact(route, [setLink({ index: found.index }, promisc ? { up: true, promisc: true } : { up: true })])
  return found
}

/** The device of that name; an error where it is something other than a bridge. */
export function findBridge(route: NetlinkSocket, name: string): Link | undefined {
  const link = findLink(route, { name })
  if (link && link.kind !== 'bridge') {
    throw new CniError(ErrInvalidNetworkConfig, `bridge: ${JSON.stringify(name)} already exists but is not a bridge`)
  }
  return link
}

/** `ip addr add GATEWAY dev BRIDGE`, and fixes the bridge's MAC as `link` has it: ports do not change it any more. */
export function ensureGateways(route: NetlinkSocket, link: Link, gateways: readonly Cidr[], force: boolean, undo: Undo): void {
  const present = listAddresses(route, link.index).map(({ cidr }) => cidr)
  const missing = gateways.filter((gateway) => !present.some((cidr) => sameCidr(cidr, gateway)))
  if (missing.length === 0) return
  const others = present.filter((cidr) => !gateways.some((gateway) => sameCidr(cidr, gateway)))
  const conflicts = others.filter((cidr) => missing.some((gateway) => conflict(cidr, gateway)))
  const [first] = conflicts
  if (first && !force) {
    const wanted = missing.find((gateway) => conflict(first, gateway)) ?? first
    throw new CniError(
      ErrInvalidNetworkConfig,
      `${JSON.stringify(link.name)} already has an IP address different from ${formatCidr(wanted)}`,
      `it has ${formatCidr(first)}; remove it, change the subnet, or set forceAddress`,
    )
  }
  const remove = (cidr: Cidr) => deleteAddress(link.index, cidr)
  const put = (cidr: Cidr) => addAddress(link.index, cidr, { nodad: true })
  const requests = [...conflicts.map(remove), ...missing.map(put)]
  const { failures } = exchange(route, requests)
  const isDone = (at: number) => !failures.some(({ index }) => index === at)
  undo(`restore the addresses of ${link.name}`, () => {
    const added = missing.filter((_, i) => isDone(conflicts.length + i))
    exchange(route, [...added.map(remove), ...conflicts.map(put)])
  })
  // EEXIST: another ADD on the same bridge was first, with the same address. EADDRNOTAVAIL: a secondary address went with its primary one.
  const failure = failures.find(({ errno }) => errno !== EEXIST && errno !== EADDRNOTAVAIL)
  if (failure) throw new SysError(`${requests[failure.index]?.op} on ${link.name}`, failure.errno, failure.detail)
  // Without one set by hand a bridge has the lowest MAC of its ports, and neighbours' entries go stale. Where another ADD was first, that one has set
  // it, and what we have read may be a port's of its own.
  if (missing.some((_, i) => isDone(conflicts.length + i))) transact(route, [setLink({ index: link.index }, { mac: link.mac })])
}

function createBridge(route: NetlinkSocket, config: BridgeSetup, gateways: readonly Cidr[], undo: Undo): Link {
  const { bridge: name, mtu, vlans, alias } = config
  try {
    const add = addBridge({ name, mtu, mac: stableMac(gateways) ?? randomMac(), vlanFiltering: vlans.length > 0 })
    transact(route, alias ? [add, setLink({ name }, { alias })] : [add])
    undo(`delete bridge ${name}`, () => removeUnused(route, name))
    // A router advertisement from a pod must not give the node an address.
    trySysctl(`net/ipv6/conf/${name}/accept_ra`, '0')
  } catch (error) {
    if (vlans.length > 0 && isSysError(error, EOPNOTSUPP)) throw noVlanFiltering()
    // Another ADD made it in between.
    if (!isSysError(error, EEXIST)) throw error
  }
  const link = findBridge(route, name)
  if (!link) throw new CniError(ErrInvalidNetworkConfig, `bridge ${JSON.stringify(name)} vanished while it was set up`)
  // Errors do not matter: another ADD may have been faster, and the kernel adds an address of its own, only later.
  if (gateways.some(({ address }) => address.family === 6)) exchange(route, [addLinkLocal(link)])
  return link
}

/** `ip link del BRIDGE`, unless another ADD has added a port. */
function removeUnused(route: NetlinkSocket, name: string): void {
  const bridge = findLink(route, { name })
  if (bridge && !listLinks(route).some(({ master }) => master === bridge.index)) removeLink(route, { index: bridge.index })
}

/** A second IPv4 address, or an IPv6 subnet that overlaps: the pods' gateway would not be unambiguous. */
function conflict(present: Cidr, gateway: Cidr): boolean {
  if (present.address.family !== gateway.address.family || sameCidr(present, gateway)) return false
  if (gateway.address.family === 4) return true
  // A link may have any number of them; the kernel adds one itself.
  if (isLinkLocal(gateway.address)) return sameAddress(present.address, gateway.address)
  return cidrContains(present, gateway.address) || cidrContains(gateway, present.address)
}

function stableMac(gateways: readonly Cidr[]): Mac | undefined {
  const ipv4 = gateways.find(({ address }) => address.family === 4)
  return ipv4 && macFromIPv4(ipv4.address)
}

function randomMac(): Mac {
  return Uint8Array.of(0x0a, 0x58, ...new Uint8Array(sys.getrandom(4)))
}
