// Host ports: elements of nftables maps, so that one costs the same however many there are. Every element says whose it is.

import { CniError, ErrInternal, ErrTryAgainLater } from '../../cni/error.ts'
import type { Attachment, IpConfig, ValidAttachment } from '../../cni/types.ts'
import { TABLE } from '../../contract/marks.ts'
import { EEXIST, ENOENT } from '../../host/errno.ts'
import { isSysError } from '../../host/error.ts'
import { sameBytes } from '../../kernel/netlink/encode.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { tryCommit } from '../../kernel/nftables/batch.ts'
import { createElements, deleteElements, type Element, findElements, listElements } from '../../kernel/nftables/element.ts'
import type { Request } from '../../kernel/nftables/request.ts'
import { ensureSysctl, readSysctl } from '../../kernel/sysctl.ts'
import { formatAddress, sameAddress } from '../../net/address.ts'
import { attachmentHash, networkHash } from '../netfilter/identity.ts'
import { hostNftables, whereNftables } from '../netfilter/socket.ts'
import { forgetFlowsToPod, forgetOldFlows } from '../netfilter/udp-flows.ts'
import {
  decodeEntry,
  decodeTarget,
  encodeEntry,
  entriesFor,
  leadOf,
  ownerComment,
  ownerIn,
  ownerKey,
  type Placed,
  place,
  type Target,
} from './entry.ts'
import { describeHostPort, type HostPort } from './mapping.ts'
import { findBrokenChain, layTable, OWNER_MAP, SETS } from './maps.ts'
import { localnet, localTargets, podTargets } from './targets.ts'

/** How often what another process changed between our reading and our writing is read again. */
const TRIES = 8

/** How many of an attachment's entries are asked for at once: a pod with one port of both families has four. */
const OWNED_AT_ONCE = 8

/** An element and the set it is in. */
interface Held {
  readonly set: string
  readonly element: Element
}

/**
 * Leads the ports of the node to the pod's first address of each family, once the node has routes to them. What the attachment had before is
 * replaced. CniError 11 with the owner's name (`owner`: namespace/pod) where another has one of the ports; then nothing of it is done.
 */
export function addHostPorts(attachment: Attachment, owner: string, ports: readonly HostPort[], ips: readonly IpConfig[]): void {
  if (ports.length === 0) return
  const targets = podTargets(ports, ips)
  const placed = entriesFor(ports, targets)
  const comment = ownerComment(attachment, owner)
  const wanted = withOwners(placed, attachmentHash(attachment), comment)
  const socket = hostNftables()
  let replaced: readonly Held[] = []
  for (let attempt = 1; ; attempt++) {
    const failure = tryCommit(socket, [...layTable(socket), ...deletions(replaced), ...creations(wanted)])
    if (!failure) break
    if ((failure.errno !== EEXIST && failure.errno !== ENOENT) || attempt === TRIES) throw failure
    replaced = findReplaced(socket, attachment, placed, targets)
  }
  // Not before the rules that drop martians are there.
  for (const { device } of localTargets(ports, targets)) ensureSysctl(localnet(device), '1')
  forgetOldFlows(placed.flatMap(leadOf))
}

/** Takes away all that the attachment has; it needs to know nothing else. */
export function removeHostPorts(attachment: Attachment): void {
  whereNftables(() => {
    const socket = hostNftables()
    const hash = attachmentHash(attachment)
    for (let attempt = 1; ; attempt++) {
      const { owners, placed } = readOwned(socket, hash)
      if (owners.length === 0) return
      const failure = tryCommit(socket, deletions([...owners, ...placed]))
      if (!failure) return forgetFlowsToPod(placed.flatMap(leadOf))
      if (failure.errno !== ENOENT || attempt === TRIES) throw failure
    }
  })
}

/** Takes away what belongs to `network` and to none of `valid`, whatever is said of it elsewhere. */
export function gcHostPorts(network: string, valid: readonly ValidAttachment[]): void {
  const prefix = networkHash(network)
  const live = new Set(valid.map((attachment) => attachmentHash({ network, ...attachment })))
  const isStale = ({ comment = '' }: Element) => comment.startsWith(prefix) && !live.has(hashIn(comment))
  whereNftables(() => {
    const socket = hostNftables()
    for (let attempt = 1; ; attempt++) {
      const stale = SETS.flatMap(({ name }) => listOrNone(socket, name).filter(isStale).map(bare(name)))
      const failure = tryCommit(socket, deletions(stale))
      if (!failure)
        return forgetFlowsToPod(stale.filter(({ set }) => set === OWNER_MAP).flatMap((owner) => placedBy(owner, stale).flatMap(leadOf)))
      if (failure.errno !== ENOENT || attempt === TRIES) throw failure
    }
  })
}

/** Throws where a rule, an element or a setting is not as ADD left it; changes nothing. */
export function checkHostPorts(attachment: Attachment, ports: readonly HostPort[], ips: readonly IpConfig[]): void {
  if (ports.length === 0) return
  const socket = hostNftables()
  const broken = findBrokenChain(socket)
  if (broken) throw new CniError(ErrInternal, `host ports: nftables chain ${broken} in table inet ${TABLE.table} lacks a rule`)
  const targets = podTargets(ports, ips)
  const hash = attachmentHash(attachment)
  const wanted = entriesFor(ports, targets)
  for (const { set, element, entry } of wanted) {
    const [found] = findElements(socket, TABLE, set, [element.key])
    if (found && hashIn(found.comment) === hash && sameData(found, element)) continue
    const what = 'device' in entry ? `address ${formatAddress(entry.address)}` : `port ${describeEntry(entry)}`
    throw new CniError(ErrInternal, `host ports: nftables element for ${what} is missing or another's in ${set}`)
  }
  for (const { device } of localTargets(ports, targets)) {
    if (readSysctl(localnet(device)) === '1') continue
    throw new CniError(ErrInternal, `host ports: sysctl ${localnet(device)} is not 1, so 127.0.0.1 does not reach the pod`)
  }
}

/** The elements with their comments, and for each one in the owner map. */
function withOwners(placed: readonly Placed[], hash: string, comment: string): Held[] {
  return placed.flatMap(({ set, element, entry }, i) => [
    { set, element: { ...element, comment } },
    { set: OWNER_MAP, element: { key: ownerKey(hash, i), data: encodeEntry(entry), comment } },
  ])
}

/**
 * What stands in the way of `placed` and may go: all that the attachment has, and what leads to an address that is the pod's now and was another's.
 * Throws where a port is another pod's.
 */
function findReplaced(socket: NetlinkSocket, attachment: Attachment, placed: readonly Placed[], targets: readonly Target[]): Held[] {
  const hash = attachmentHash(attachment)
  const own = readOwned(socket, hash)
  const others = placed.flatMap(({ set, element, entry }) => {
    const [found] = findElements(socket, TABLE, set, [element.key])
    if (!found || own.placed.some((held) => held.set === set && sameBytes(held.element.key, element.key))) return []
    const to = found.data instanceof Uint8Array ? decodeTarget(found.data) : undefined
    const stale = hashIn(found.comment) === hash || !to || targets.some(({ address }) => sameAddress(address, to.address))
    if (!stale && !('device' in entry)) {
      throw new CniError(ErrTryAgainLater, `host port ${describeEntry(entry)} is taken by ${ownerIn(found.comment ?? '')}`)
    }
    return [bare(set)(found)]
  })
  return [...own.owners, ...own.placed, ...others]
}

/** What the owner map says that the attachment has, and those of the elements that are still its own. */
function readOwned(socket: NetlinkSocket, hash: string): { owners: Held[]; placed: Placed[] } {
  const owners: Element[] = []
  for (let asked = 0; owners.length === asked; asked += OWNED_AT_ONCE) {
    const keys = Array.from({ length: OWNED_AT_ONCE }, (_, i) => ownerKey(hash, asked + i))
    owners.push(...findElements(socket, TABLE, OWNER_MAP, keys))
  }
  const placed = owners.flatMap(({ data }) => {
    const entry = data instanceof Uint8Array ? decodeEntry(data) : undefined
    if (!entry) return []
    const { set, element } = place(entry)
    const [found] = findElements(socket, TABLE, set, [element.key])
    return found && hashIn(found.comment) === hash ? [{ entry, ...bare(set)(found) }] : []
  })
  return { owners: owners.map(bare(OWNER_MAP)), placed }
}

/** What the owner map's element names, with its data from `elements`. */
function placedBy({ element: { data } }: Held, elements: readonly Held[]): Placed[] {
  const entry = data instanceof Uint8Array ? decodeEntry(data) : undefined
  if (!entry || 'device' in entry || entry.protocol !== 'udp') return []
  const { set, element } = place(entry)
  return elements.filter((held) => held.set === set && sameBytes(held.element.key, element.key)).map((held) => ({ entry, ...held }))
}

/** An element as it was read. */
function bare(set: string): (element: Element) => Held {
  return ({ key, data }) => ({ set, element: { key, data } })
}

function listOrNone(socket: NetlinkSocket, set: string): Element[] {
  try {
    return listElements(socket, TABLE, set)
  } catch (error) {
    if (isSysError(error, ENOENT)) return []
    throw error
  }
}

function creations(held: readonly Held[]): Request[] {
  return bySet(held, (set, elements) => createElements(TABLE, set, elements))
}

function deletions(held: readonly Held[]): Request[] {
  return bySet(held, (set, elements) =>
    deleteElements(
      TABLE,
      set,
      elements.map(({ key }) => ({ key })),
    ),
  )
}

function bySet(held: readonly Held[], make: (set: string, elements: readonly Element[]) => Request[]): Request[] {
  return SETS.flatMap(({ name }) =>
    make(
      name,
      held.filter(({ set }) => set === name).map(({ element }) => element),
    ),
  )
}

function describeEntry({ protocol, port, address }: Extract<Placed['entry'], { port: number }>): string {
  return describeHostPort({ protocol, hostPort: port, ...(address && { hostIP: address }) })
}

/** The attachment's hash in a comment. */
function hashIn(comment = ''): string {
  return comment.split(' ')[0] ?? ''
}

function sameData(a: Element, b: Element): boolean {
  if (!(a.data instanceof Uint8Array) || !(b.data instanceof Uint8Array)) return a.data === b.data
  return sameBytes(a.data, b.data)
}
