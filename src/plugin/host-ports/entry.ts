// What one attachment has in the maps of host ports, and how it is encoded there. Pure.

import { be16, concat, cstr } from '../../kernel/netlink/encode.ts'
import { type Element, joinedKey } from '../../kernel/nftables/element.ts'
import type { Address } from '../../net/address.ts'
import type { PortForward } from '../netfilter/udp-flows.ts'
import { ADDRESS_MAP, ANY_MAP, LINK_SET } from './chains.ts'
import { type HostPort, type Protocol, portsOf } from './mapping.ts'
import { protocolNumbers, protocolOf } from './protocol.ts'

/** An address of the pod, and the node's device behind which it is. */
export interface Target {
  readonly address: Address
  readonly device: string
}

/** A port of the node, on one of its addresses or, without `address`, on all of a family. */
export interface PortEntry {
  readonly family: 4 | 6
  readonly address: Address | undefined
  readonly protocol: Protocol
  readonly port: number
}

/** A pod's address behind a device. */
export interface LinkEntry {
  readonly device: string
  readonly address: Address
}

export type Entry = PortEntry | LinkEntry

/** An element, and the set or map that it is in. */
export interface SetElement {
  readonly set: string
  readonly element: Element
}

/** An entry in its place: `element` has neither comment nor, where only the key is known, data. */
export interface PlacedEntry extends SetElement {
  readonly entry: Entry
}

const IFNAMSIZ = 16

/** All entries of the ports: one for each family that the port is on and the pod has, and one for each of those addresses. */
export function entriesFor(ports: readonly HostPort[], targets: readonly Target[]): PlacedEntry[] {
  const placed: PlacedEntry[] = []
  for (const { address, device } of targets) {
    const own = portsOf(ports, address.family)
    for (const { hostIP, protocol, hostPort, containerPort } of own) {
      const entry: PortEntry = { family: address.family, address: hostIP, protocol, port: hostPort }
      placed.push(place(entry, joinedKey([address.bytes, be16(containerPort)])))
    }
    if (own.length > 0) placed.push(place({ device, address }))
  }
  return placed
}

/** In which set the entry is, and under which key. */
export function place(entry: Entry, data?: Uint8Array): PlacedEntry {
  if ('device' in entry) {
    const { device, address } = entry
    return { entry, set: LINK_SET[address.family], element: { key: joinedKey([interfaceName(device), address.bytes]) } }
  }
  const { family, address, protocol, port } = entry
  const service = [Uint8Array.of(protocolNumbers[protocol]), be16(port)]
  const key = joinedKey(address ? [address.bytes, ...service] : service)
  return { entry, set: (address ? ADDRESS_MAP : ANY_MAP)[family], element: { key, data } }
}

/** The owner map's data for an entry: `ifname . ipv6_addr . inet_proto . inet_service`, IPv4 as ::ffff:0:0/96, no device where it is a port. */
export function encodeEntry(entry: Entry): Uint8Array {
  if ('device' in entry) return joinedKey([interfaceName(entry.device), wideAddress(entry.address), Uint8Array.of(0), be16(0)])
  const { family, protocol, port } = entry
  const address = entry.address ?? { family, bytes: new Uint8Array(family === 4 ? 4 : 16) }
  return joinedKey([new Uint8Array(IFNAMSIZ), wideAddress(address), Uint8Array.of(protocolNumbers[protocol]), be16(port)])
}

/** The entry of the owner map's data; undefined where `encodeEntry` did not make it. */
export function decodeEntry(data: Uint8Array): Entry | undefined {
  if (data.length !== IFNAMSIZ + 24) return undefined
  const address = narrowAddress(data.slice(IFNAMSIZ, IFNAMSIZ + 16))
  if (data[0]) return { device: String.fromCharCode(...data.slice(0, IFNAMSIZ).filter((byte) => byte > 0)), address }
  const protocol = protocolOf(data[IFNAMSIZ + 16])
  const port = ((data[IFNAMSIZ + 20] ?? 0) << 8) | (data[IFNAMSIZ + 21] ?? 0)
  const any = address.bytes.every((byte) => byte === 0)
  return protocol && { family: address.family, address: any ? undefined : address, protocol, port }
}

/** A map's data, `address . service`; undefined for any other length. */
export function decodeTarget(data: Uint8Array): { address: Address; port: number } | undefined {
  const length = data.length - 4
  if (length !== 4 && length !== 16) return undefined
  const port = ((data[length] ?? 0) << 8) | (data[length + 1] ?? 0)
  return { address: { family: length === 4 ? 4 : 6, bytes: data.slice(0, length) }, port }
}

/** What it forwards, where that is UDP: the connections that udp-flows.ts has to forget. */
export function udpForward({ entry, element }: PlacedEntry): PortForward[] {
  if ('device' in entry || entry.protocol !== 'udp' || !(element.data instanceof Uint8Array)) return []
  const to = decodeTarget(element.data)
  return to ? [{ family: entry.family, hostIP: entry.address, hostPort: entry.port, to }] : []
}

function interfaceName(name: string): Uint8Array {
  const bytes = new Uint8Array(IFNAMSIZ)
  bytes.set(cstr(name).slice(0, IFNAMSIZ))
  return bytes
}

function wideAddress({ family, bytes }: Address): Uint8Array {
  return family === 6 ? bytes : concat([new Uint8Array(10), Uint8Array.of(0xff, 0xff), bytes])
}

function narrowAddress(bytes: Uint8Array): Address {
  const mapped = bytes.every((byte, i) => i >= 12 || byte === (i < 10 ? 0 : 0xff))
  return mapped ? { family: 4, bytes: bytes.slice(12) } : { family: 6, bytes }
}
