// Host ports: elements of nftables maps, so that a packet costs the same however many there are. Every element names the attachment that owns it, and
// the owner map has the keys of an attachment's elements (maps.ts), so that DEL reads no others.

import { CniError, ErrInternal } from '../../cni/error.ts'
import type { Attachment, IpConfig, ValidAttachment } from '../../cni/types.ts'
import { TABLE } from '../../contract/marks.ts'
import { EEXIST, ENOENT } from '../../host/errno.ts'
import { sameBytes } from '../../kernel/netlink/encode.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { commitPlan } from '../../kernel/nftables/batch.ts'
import type { Element } from '../../kernel/nftables/element.ts'
import { ensureSysctl, readSysctl } from '../../kernel/sysctl.ts'
import { formatAddress } from '../../net/address.ts'
import { attachmentHash, networkHash } from '../netfilter/identity.ts'
import { hostNftables, whereNftables } from '../netfilter/socket.ts'
import { forgetFlowsToPod, forgetOldFlows } from '../netfilter/udp-flows.ts'
import { findBrokenChain, layTable } from './chains.ts'
import {
  creations,
  deletions,
  describePort,
  entriesAmong,
  findElement,
  findReplaced,
  listStale,
  readOwned,
  withOwners,
} from './elements.ts'
import { entriesFor, type PlacedEntry, type SetElement, udpForward } from './entry.ts'
import type { HostPort } from './mapping.ts'
import { hashIn } from './owner.ts'
import { localnet, localTargets, podTargets } from './targets.ts'

/**
 * Forwards the ports of the node to the pod's first address of each family, once the node has routes to them. What the attachment had before is
 * replaced. CniError 11 with the owner's name (`owner`: namespace/pod) where another pod has one of the ports; then nothing is changed.
 */
export function addHostPorts(attachment: Attachment, owner: string, ports: readonly HostPort[], ips: readonly IpConfig[]): void {
  if (ports.length === 0) return
  const targets = podTargets(ports, ips)
  const entries = entriesFor(ports, targets)
  const wanted = withOwners(entries, attachment, owner)
  const socket = hostNftables()
  let isFirst = true
  const plan = () => {
    const replaced = isFirst ? [] : findReplaced(socket, attachment, entries, targets)
    isFirst = false
    return [...layTable(socket), ...deletions(replaced), ...creations(wanted)]
  }
  // Usually there is nothing to replace: it is looked up once the kernel has reported it.
  commitPlan(socket, plan, [EEXIST, ENOENT])
  // Not before the rules that drop martians are there.
  for (const { device } of localTargets(ports, targets)) ensureSysctl(localnet(device), '1')
  forgetOldFlows(entries.flatMap(udpForward))
}

/** Removes all that the attachment has; it needs to know nothing else. */
export function removeHostPorts(attachment: Attachment): void {
  whereNftables(() => {
    const socket = hostNftables()
    deleteUntilGone(socket, () => {
      const { owners, entries } = readOwned(socket, attachment)
      return { elements: [...owners, ...entries], entries }
    })
  })
}

/** Removes what belongs to `network` and to none of `valid`. */
export function gcHostPorts(network: string, valid: readonly ValidAttachment[]): void {
  const prefix = networkHash(network)
  const live = new Set(valid.map((attachment) => attachmentHash({ network, ...attachment })))
  const isStale = ({ comment = '' }: Element) => comment.startsWith(prefix) && !live.has(hashIn(comment))
  whereNftables(() => {
    const socket = hostNftables()
    deleteUntilGone(socket, () => {
      const elements = listStale(socket, isStale)
      return { elements, entries: entriesAmong(elements) }
    })
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
  for (const placed of entriesFor(ports, targets)) {
    const found = findElement(socket, placed)
    if (found && hashIn(found.comment) === hash && sameData(found, placed.element)) continue
    const { entry, set } = placed
    const what = 'device' in entry ? `address ${formatAddress(entry.address)}` : `port ${describePort(entry)}`
    throw new CniError(ErrInternal, `host ports: nftables element for ${what} is missing or another pod's in ${set}`)
  }
  for (const { device } of localTargets(ports, targets)) {
    if (readSysctl(localnet(device)) === '1') continue
    throw new CniError(ErrInternal, `host ports: sysctl ${localnet(device)} is not 1, so 127.0.0.1 does not reach the pod`)
  }
}

/** Deletes the elements that `read` finds, and forgets the UDP flows of those that are entries; reads again where another process changed them in between. */
function deleteUntilGone(
  socket: NetlinkSocket,
  read: () => { readonly elements: readonly SetElement[]; readonly entries: readonly PlacedEntry[] },
): void {
  let deleted: readonly PlacedEntry[] = []
  commitPlan(socket, () => {
    const { elements, entries } = read()
    deleted = entries
    return deletions(elements)
  })
  forgetFlowsToPod(deleted.flatMap(udpForward))
}

function sameData(a: Element, b: Element): boolean {
  if (!(a.data instanceof Uint8Array) || !(b.data instanceof Uint8Array)) return a.data === b.data
  return sameBytes(a.data, b.data)
}
