// Which IFB is the attachment's. The reference plugin names it by network and container; a second interface of that container gets another name.

import type { Attachment } from '../../../cni/types.ts'
import { log } from '../../../host/log.ts'
import { sys } from '../../../host/sys.ts'
import { exchange, type NetlinkSocket } from '../../../kernel/netlink/socket.ts'
import { findLink, findLinks, type Link, removeLink } from '../../../kernel/route/link.ts'
import { removeLinks } from '../../../kernel/route/link-group.ts'
import { deleteFilters, listRedirects } from '../../../kernel/tc/filter.ts'
import { freeName } from '../../link/own-links.ts'
import { hostLinkAlias, ifbName, isOwnAlias } from '../../link/owner.ts'
import { type IfbPlan, PRIORITY } from '../../shaping/limit.ts'

/** The IFB that the pair redirects to already, from an earlier ADD by podwire or by the reference plugin; else the name for a new one. */
export function planIfb(route: NetlinkSocket, host: Link, attachment: Attachment): IfbPlan {
  const alias = hostLinkAlias(attachment, '')
  const own = findOwnIfb(route, attachment)
  const present = own && listRedirects(route, host.index).includes(own.index) ? own : undefined
  const shared = findLink(route, { name: referenceName(attachment) })
  const name = !shared || isOwn(shared, attachment) ? referenceName(attachment) : ifbName(attachment)
  const clear = () => {
    if (shared && isOwn(shared, attachment)) removeLink(route, { index: shared.index })
    else freeName(route, name, attachment)
    // A redirection whose IFB is gone drops packets, and would come first.
    exchange(route, [deleteFilters(host.index, PRIORITY)])
  }
  return { present, name, alias, freeName: clear }
}

export function findOwnIfb(route: NetlinkSocket, attachment: Attachment): Link | undefined {
  return findLinks(route, bothNames(attachment)).find((link) => isOwn(link, attachment))
}

/** Deletes the attachment's IFB, whichever plugin made it. What has its name and is another's stays. */
export function removeIfbs(route: NetlinkSocket, attachment: Attachment): void {
  const found = findLinks(route, bothNames(attachment))
  for (const { name, alias } of found.filter((link) => !isOwn(link, attachment))) {
    log.info('not deleting a link of that name: it is not of this attachment', { name, alias })
  }
  removeLinks(
    route,
    found.filter((link) => isOwn(link, attachment)),
  )
}

function bothNames(attachment: Attachment): { name: string }[] {
  return [{ name: referenceName(attachment) }, { name: ifbName(attachment) }]
}

/** The reference plugin sets no alias. */
function isOwn({ name, kind, alias }: Link, attachment: Attachment): boolean {
  return kind === 'ifb' && (isOwnAlias(alias, attachment) || (alias === '' && name === referenceName(attachment)))
}

/** `bwp` and 12 hex digits. */
export function referenceName({ network, containerId }: Pick<Attachment, 'network' | 'containerId'>): string {
  return `bwp${sys.sha512(network + containerId).slice(0, 12)}`
}
