// The node's VXLAN device and its addresses.

import { VXLAN_ALIAS } from '../contract/marks.ts'
import { EEXIST, EOPNOTSUPP } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { transact } from '../kernel/netlink/socket.ts'
import { addAddress, deleteAddress } from '../kernel/route/address.ts'
import { IFF_UP } from '../kernel/route/constants.ts'
import { deleteLink, findLink, type Link, setLink } from '../kernel/route/link.ts'
import type { Request } from '../kernel/route/request.ts'
import { addVxlan, readVxlan } from '../kernel/route/vxlan.ts'
import type { Address } from '../net/address.ts'
import { formatPacked, type Packed, packBytes, packedBits, packedFamily, unpackBytes } from '../net/packed.ts'
import { VXLAN_NAME } from './names.ts'
import type { Pass } from './pass.ts'
import type { Tunnel } from './paths.ts'
import { attempt, noteChange, noteFailure } from './report.ts'

/** Creates or changes the device; returns its index, undefined where that fails. In a dry run 0 stands for a device that does not exist. */
export function ensureTunnel(pass: Pass, tunnel: Tunnel): number | undefined {
  const { log, facts, dryRun } = pass
  const found = facts.vxlan
  if (found && isSame(found, pass, tunnel)) {
    adjust(pass, found, tunnel)
    return found.index
  }
  if (found && found.alias !== VXLAN_ALIAS) {
    const message = `cannot create the VXLAN device: another program has a device of this name, of kind ${found.kind || 'none'}; rename or delete it`
    noteFailure(log, 'link', VXLAN_NAME, message)
    return undefined
  }
  noteChange(log, 'links', found ? 'replaced' : 'added', () => VXLAN_NAME)
  for (const address of tunnel.addresses) noteChange(log, 'links', 'added', () => `${VXLAN_NAME} ${formatPacked(address)}`)
  if (dryRun) return 0
  return create(pass, tunnel, found)
}

/** `ip link del podwire.vx`, where it is podwire's. */
export function removeTunnel({ log, facts, route, dryRun }: Pass): void {
  const { vxlan } = facts
  if (vxlan?.alias !== VXLAN_ALIAS) return
  noteChange(log, 'links', 'removed', () => VXLAN_NAME)
  if (!dryRun) attempt(log, 'link', VXLAN_NAME, () => transact(route, [deleteLink({ index: vxlan.index })]))
}

/** What cannot be changed on a device is as desired. By that and its name it is podwire's, even without the alias. */
function isSame(link: Link, { state }: Pass, tunnel: Tunnel): boolean {
  const info = readVxlan(link)
  const { vni, port } = state.routing
  return info !== undefined && info.vni === vni && info.port === port && !info.learning && packBytes(info.local) === tunnel.local
}

function create({ log, route, state }: Pass, tunnel: Tunnel, old: Link | undefined): number | undefined {
  const { vni, port } = state.routing
  const device = { name: VXLAN_NAME, vni, port, local: unpacked(tunnel.local), mac: unpackBytes(tunnel.mac), mtu: tunnel.mtu }
  try {
    transact(route, [
      ...(old ? [deleteLink({ index: old.index })] : []),
      addVxlan(device),
      // The kernel accepts an alias only for an existing device. In one datagram, so that no crash comes between.
      setLink({ name: VXLAN_NAME }, { alias: VXLAN_ALIAS }),
    ])
  } catch (error) {
    if (!isSysError(error)) throw error
    noteFailure(log, 'vxlan', VXLAN_NAME, explain(error.errno, error.message, port))
    return undefined
  }
  const link = findLink(route, { name: VXLAN_NAME })
  if (!link) return undefined
  for (const address of tunnel.addresses) addHostAddress({ log, route }, link.index, address)
  return link.index
}

function explain(errno: number, message: string, port: number): string {
  if (errno === EOPNOTSUPP) return `cannot reach peers behind a router: this kernel has no VXLAN (module vxlan): ${message}`
  if (errno === EEXIST)
    return `cannot create the VXLAN device: another device has the same identifier and UDP port ${port}; change routing.vni or routing.port: ${message}`
  return message
}

/** Changes that lose no packets. */
function adjust({ log, route, facts, dryRun }: Pass, link: Link, tunnel: Tunnel): void {
  const requests: Request[] = []
  const change = (what: string, request: Request) => {
    noteChange(log, 'links', 'replaced', () => `${VXLAN_NAME} ${what}`)
    requests.push(request)
  }
  const ref = { index: link.index }
  if (link.alias !== VXLAN_ALIAS) change('alias', setLink(ref, { alias: VXLAN_ALIAS }))
  if (packBytes(link.mac) !== tunnel.mac) change('address', setLink(ref, { mac: unpackBytes(tunnel.mac) }))
  if (link.mtu !== tunnel.mtu) change(`mtu ${tunnel.mtu}`, setLink(ref, { mtu: tunnel.mtu }))
  if (!(link.flags & IFF_UP)) change('up', setLink(ref, { up: true }))
  if (!dryRun) {
    for (const request of requests) attempt(log, 'link', VXLAN_NAME, () => transact(route, [request]))
  }
  const found = facts.vxlanAddresses
  const isHost = (length: number, address: Packed) => length === packedBits(address)
  for (const address of tunnel.addresses) {
    if (found.some(({ first, length }) => first === address && isHost(length, address))) continue
    noteChange(log, 'links', 'added', () => `${VXLAN_NAME} ${formatPacked(address)}`)
    if (!dryRun) addHostAddress({ log, route }, link.index, address)
  }
  for (const { first, length } of found) {
    if (isHost(length, first) && tunnel.addresses.includes(first)) continue
    noteChange(log, 'links', 'removed', () => `${VXLAN_NAME} ${formatPacked(first)}/${length}`)
    if (!dryRun)
      attempt(log, 'address', formatPacked(first), () => transact(route, [deleteAddress(link.index, { address: unpacked(first), length })]))
  }
}

function addHostAddress({ log, route }: Pick<Pass, 'log' | 'route'>, index: number, packed: Packed): void {
  const address = unpacked(packed)
  attempt(log, 'address', formatPacked(packed), () =>
    transact(route, [addAddress(index, { address, length: packedBits(packed) }, { nodad: true })]),
  )
}

function unpacked(packed: Packed): Address {
  return { family: packedFamily(packed), bytes: unpackBytes(packed) }
}
