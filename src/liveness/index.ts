// Whether the owner of a host port or an address is provably gone: its interface and its namespace. Where that cannot be seen, it is not.

import type { Attachment } from '../cni/types.ts'
import { withNetlink } from '../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../kernel/route/constants.ts'
import { type Link, listLinks } from '../kernel/route/link.ts'
import { RUNTIME_CACHE, savedOf, savedOfContainer } from '../libcni/cache.ts'
import { hostLinkName, isOwnAlias } from '../plugin/link/owner.ts'
import { savedState } from './saved.ts'

/**
 * An attachment of the plugin `podwire` that had host ports: ADD makes them after the pair, so without a pair it is gone, or its DEL is under way and
 * leaves the elements of another owner alone. `devices` are those behind which the node had its addresses: a pair among them must be gone as well.
 * A saved result of the runtime must agree, since a repeated ADD may just be making the pair.
 */
export function isPodwireGone(attachment: Attachment, devices: readonly string[]): boolean {
  const links = hostLinks()
  if (hasLink(links, attachment) || links.some(({ name, kind }) => kind === 'veth' && devices.includes(name))) return false
  const saved = savedOfContainer(RUNTIME_CACHE, attachment.containerId)
  return saved?.every((cached) => !isSame(cached, attachment) || savedState(cached, links) === 'gone') ?? false
}

/** The attachments of a container that `isOwner` accepts, of any plugins: the runtime has saved the result of at least one, and all of these are gone. */
export function isContainerGone(containerId: string, isOwner: (attachment: Attachment) => boolean): boolean {
  const saved = savedOfContainer(RUNTIME_CACHE, containerId)?.filter(isOwner) ?? []
  if (saved.length === 0) return false
  const links = hostLinks()
  return saved.every((cached) => savedState(cached, links) === 'gone')
}

/**
 * By the links of the node and what the runtime has saved. `unsaved`: there is no pair of podwire's and no saved result, as after an ADD that was killed;
 * `unknown`: a fact cannot be seen from here.
 */
export function attachmentState(
  cacheDir: string,
  attachment: Attachment,
  links: readonly Link[],
): 'alive' | 'gone' | 'unsaved' | 'unknown' {
  if (hasLink(links, attachment)) return 'alive'
  const saved = savedOf(cacheDir, attachment)
  if (saved === 'unreadable') return 'unknown'
  return saved === 'none' ? 'unsaved' : savedState(saved, links)
}

/** Whether one of the links is the host end of the attachment's pair. */
function hasLink(links: readonly Link[], attachment: Attachment): boolean {
  const name = hostLinkName(attachment)
  return links.some((link) => link.name === name || isOwnAlias(link.alias, attachment))
}

function hostLinks(): Link[] {
  return withNetlink(NETLINK_ROUTE, (route) => listLinks(route))
}

function isSame(a: Attachment, b: Attachment): boolean {
  return a.network === b.network && a.containerId === b.containerId && a.ifname === b.ifname
}
