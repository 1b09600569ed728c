// The elements that attachments have in the maps: read by their owner, compared with what an ADD requires, made into requests.

import { CniError, ErrTryAgainLater } from '../../cni/error.ts'
import type { Attachment } from '../../cni/types.ts'
import { TABLE } from '../../contract/marks.ts'
import { ENOENT } from '../../host/errno.ts'
import { isSysError } from '../../host/error.ts'
import { log } from '../../host/log.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { createElements, deleteElements, type Element, findElements, listElements } from '../../kernel/nftables/element.ts'
import type { Request } from '../../kernel/nftables/request.ts'
import { liveness } from '../../liveness/segment.ts'
import { sameAddress } from '../../net/address.ts'
import { attachmentHash } from '../netfilter/identity.ts'
import { OWNER_MAP, SETS } from './chains.ts'
import { decodeEntry, decodeTarget, encodeEntry, type PlacedEntry, type PortEntry, place, type SetElement, type Target } from './entry.ts'
import { describeHostPort } from './mapping.ts'
import { attachmentIn, hashIn, ownerComment, ownerIn, ownerKey } from './owner.ts'

/** How many of an attachment's entries are requested at once: a pod with one port of both families has four. */
const OWNED_AT_ONCE = 8

/** What an attachment has: its elements in the owner map, and the entries that these name. */
export interface Owned {
  readonly owners: readonly SetElement[]
  readonly entries: readonly PlacedEntry[]
}

/** The entries with their comments, each followed by its element in the owner map. */
export function withOwners(entries: readonly PlacedEntry[], attachment: Attachment, owner: string): SetElement[] {
  const hash = attachmentHash(attachment)
  const comment = ownerComment(attachment, owner)
  return entries.flatMap(({ set, element, entry }, i) => [
    { set, element: { ...element, comment } },
    { set: OWNER_MAP, element: { key: ownerKey(hash, i), data: encodeEntry(entry), comment } },
  ])
}

/** Reads by key what the attachment has, without the entries that have another owner by now. */
export function readOwned(socket: NetlinkSocket, attachment: Attachment): Owned {
  const hash = attachmentHash(attachment)
  const owners: Element[] = []
  for (let read = 0; owners.length === read; read += OWNED_AT_ONCE) {
    const keys = Array.from({ length: OWNED_AT_ONCE }, (_, i) => ownerKey(hash, read + i))
    owners.push(...findElements(socket, TABLE, OWNER_MAP, keys))
  }
  const entries = owners.flatMap((owner) => {
    const named = entryNamedBy(owner)
    const found = named && findElement(socket, named)
    return found && hashIn(found.comment) === hash ? [{ ...named, element: withoutComment(found) }] : []
  })
  return { owners: owners.map((owner) => ({ set: OWNER_MAP, element: withoutComment(owner) })), entries }
}

/** Reads all sets for elements that are stale. */
export function listStale(socket: NetlinkSocket, isStale: (element: Element) => boolean): SetElement[] {
  return SETS.flatMap(({ name }) =>
    listOrNone(socket, name)
      .filter(isStale)
      .map((element) => ({ set: name, element: withoutComment(element) })),
  )
}

/** The entries among the elements that an element of the owner map among them names, with their data. */
export function entriesAmong(elements: readonly SetElement[]): PlacedEntry[] {
  const byKey = new Map(elements.map((found) => [keyText(found), found]))
  return elementsIn(OWNER_MAP, elements).flatMap((owner) => {
    const named = entryNamedBy(owner)
    const found = named && byKey.get(keyText(named))
    return found ? [{ ...found, entry: named.entry }] : []
  })
}

/**
 * What an ADD of `wanted` has to delete: all that the attachment has, and what forwards to an address that is the pod's now and was another's.
 * Throws where a port is another pod's, unless that pod is gone.
 */
export function findReplaced(
  socket: NetlinkSocket,
  attachment: Attachment,
  wanted: readonly PlacedEntry[],
  targets: readonly Target[],
): SetElement[] {
  const own = readOwned(socket, attachment)
  const hash = attachmentHash(attachment)
  const others = wanted.flatMap((placed): SetElement[] => {
    const found = findElement(socket, placed)
    if (!found || own.entries.some((entry) => keyText(entry) === keyText(placed))) return []
    const to = found.data instanceof Uint8Array ? decodeTarget(found.data) : undefined
    const isStale = hashIn(found.comment) === hash || !to || targets.some(({ address }) => sameAddress(address, to.address))
    const element = { set: placed.set, element: withoutComment(found) }
    if (isStale || 'device' in placed.entry) return [element]
    const taken = takeOver(socket, placed.entry, found.comment)
    if (taken) return [element, ...taken]
    throw new CniError(ErrTryAgainLater, `host port ${describePort(placed.entry)} is taken by ${ownerIn(found.comment ?? '')}`)
  })
  return [...new Map([...own.owners, ...own.entries, ...others].map((found) => [keyText(found), found])).values()]
}

/** The element at the place of the entry, whichever attachment owns it. */
export function findElement(socket: NetlinkSocket, { set, element }: SetElement): Element | undefined {
  return findElements(socket, TABLE, set, [element.key])[0]
}

/** The port of an entry, for messages. */
export function describePort({ protocol, port, address }: PortEntry): string {
  return describeHostPort({ protocol, hostPort: port, ...(address && { hostIP: address }) })
}

/** EEXIST where one is there already. */
export function creations(elements: readonly SetElement[]): Request[] {
  return SETS.flatMap(({ name }) => createElements(TABLE, name, elementsIn(name, elements)))
}

/** ENOENT where one is gone. */
export function deletions(elements: readonly SetElement[]): Request[] {
  const keys = (set: string) => elementsIn(set, elements).map(({ key }) => ({ key }))
  return SETS.flatMap(({ name }) => deleteElements(TABLE, name, keys(name)))
}

/** All elements of a port's owner whose pod is gone; undefined where that is not proved. */
function takeOver(socket: NetlinkSocket, entry: PortEntry, comment = ''): SetElement[] | undefined {
  const owner = attachmentIn(comment)
  if (!owner) return undefined
  const { owners, entries } = readOwned(socket, owner)
  const devices = entries.flatMap((owned) => ('device' in owned.entry ? [owned.entry.device] : []))
  if (!liveness().isPodwireGone(owner, devices)) return undefined
  log.warn('host port taken over: its pod is gone and there was no DEL', { port: describePort(entry), owner: ownerIn(comment) })
  return [...owners, ...entries]
}

function entryNamedBy({ data }: Element): PlacedEntry | undefined {
  const entry = data instanceof Uint8Array ? decodeEntry(data) : undefined
  return entry && place(entry)
}

function withoutComment({ key, data }: Element): Element {
  return { key, data }
}

function listOrNone(socket: NetlinkSocket, set: string): Element[] {
  try {
    return listElements(socket, TABLE, set)
  } catch (error) {
    if (isSysError(error, ENOENT)) return []
    throw error
  }
}

function keyText({ set, element: { key } }: SetElement): string {
  return `${set} ${key.join()}`
}

function elementsIn(set: string, elements: readonly SetElement[]): Element[] {
  return elements.filter((other) => other.set === set).map(({ element }) => element)
}
