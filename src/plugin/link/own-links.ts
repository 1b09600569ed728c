// The links of an attachment: found by name, which another link may have as well, and recognized by their alias. Only these are deleted.

import type { Attachment, ValidAttachment } from '../../cni/types.ts'
import { EEXIST } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { log } from '../../host/log.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { findLink, findLinks, listLinks, removeLink } from '../../kernel/route/link.ts'
import { removeLinks } from '../../kernel/route/link-group.ts'
import { hostLinkName, ifbName, isOwnAlias, staleAliases } from './owner.ts'

/** Deletes the pair and the IFB, as far as they exist, with one wait. A link of that name that is another's stays. */
export function removeOwnLinks(
  route: NetlinkSocket,
  attachment: Attachment,
  names = [hostLinkName(attachment), ifbName(attachment)],
): void {
  const found = findLinks(
    route,
    names.map((name) => ({ name })),
  )
  const own = found.filter(({ alias }) => isOwnAlias(alias, attachment))
  for (const { name, alias } of found) {
    if (!isOwnAlias(alias, attachment)) log.warn('not deleting a link of that name: it is not of this attachment', { name, alias })
  }
  removeLinks(route, own)
}

/**
 * Deletes the attachment's link of that name, which an ADD that was killed has left. EEXIST where the link is another's. Called before the link is made:
 * its alias is set by name in the same datagram, on whichever link has the name then.
 */
export function freeName(route: NetlinkSocket, name: string, attachment: Attachment): void {
  const found = findLink(route, { name })
  if (!found) return
  const { index, kind, alias } = found
  if (!isOwnAlias(alias, attachment)) {
    const owner = alias ? `its alias is ${JSON.stringify(alias)}` : 'it has no alias'
    throw new SysError(`add link ${name}`, EEXIST, `${kind || 'a link'} of that name belongs to another owner: ${owner}`)
  }
  removeLink(route, { index })
}

/** The pairs and IFBs of this network that belong to no valid attachment, with one wait for many. */
export function removeStaleLinks(route: NetlinkSocket, network: string, valid: readonly ValidAttachment[]): void {
  const isStale = staleAliases(network, valid)
  const stale = listLinks(route).filter(({ kind, alias }) => (kind === 'veth' || kind === 'ifb') && isStale(alias))
  for (const { name, alias } of stale) log.info('deleting a stale link', { name, alias })
  removeLinks(route, stale)
}
