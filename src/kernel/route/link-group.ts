// Several links deleted at once. The kernel waits for the readers of a device once a request, not once a device (15 to 20 ms each time), and the
// request that names several names a group of them (net/core/rtnetlink.c: rtnl_group_dellink).

import { ENODEV } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { u32 } from '../netlink/encode.ts'
import { exchange, type NetlinkSocket } from '../netlink/socket.ts'
import { IFLA_GROUP, RTM_DELLINK } from './constants.ts'
import { deleteLink, type Link, listLinks, setLink } from './link.ts'
import { ifinfomsg, type Request } from './request.ts'

/** A link as it was found: it is deleted by its index, so that another link that has got its name since is not. */
type Found = Pick<Link, 'index' | 'name'>

/** How many go with one request: it keeps every other change of a link waiting. */
const AT_ONCE = 100

/** `ip link set #INDEX group N` for each, then `ip link del group N`. What is gone already is no error; of others the first, after all were tried. */
export function removeLinks(socket: NetlinkSocket, links: readonly Found[]): void {
  const failures: SysError[] = []
  for (let from = 0; from < links.length; from += AT_ONCE) {
    const failure = removeTogether(socket, links.slice(from, from + AT_ONCE))
    if (failure) failures.push(failure)
  }
  if (failures[0]) throw failures[0]
}

function removeTogether(socket: NetlinkSocket, links: readonly Found[]): SysError | undefined {
  const group = groupOf(links[0]?.index ?? 0)
  if (links.length === 1 || isForeign(socket, group, links)) return removeEach(socket, links)
  const requests = [...links.map(({ index }) => setLink({ index }, { group })), deleteGroup(group)]
  const { failures } = exchange(socket, requests)
  if (failures.every(({ errno }) => errno === ENODEV)) return undefined
  // One link that cannot be deleted blocks the others, and the error does not name it.
  exchange(
    socket,
    links.map(({ index }) => setLink({ index }, { group: 0 })),
  )
  return removeEach(socket, links)
}

/**
 * A number that no two deletions share at a time, and no administrator uses: six bits of the link's index in each byte, which makes it four
 * letters and the dump of all links quick to search.
 */
export function groupOf(index: number): number {
  const digit = (place: number) => (0x40 | ((index >> (6 * place)) & 0x3f)) << (8 * place)
  return digit(0) | digit(1) | digit(2) | digit(3)
}

/** A link that another process has put into the group would be deleted as well. */
function isForeign(socket: NetlinkSocket, group: number, links: readonly Found[]): boolean {
  const letters = String.fromCharCode(...u32(group))
  return listLinks(socket, [letters]).some((link) => link.group === group && !links.some(({ index }) => index === link.index))
}

function removeEach(socket: NetlinkSocket, links: readonly Found[]): SysError | undefined {
  const requests = links.map(({ index, name }) => ({ ...deleteLink({ index }), op: `delete link ${name}` }))
  const failure = exchange(socket, requests).failures.find(({ errno }) => errno !== ENODEV)
  return failure && new SysError(requests[failure.index]?.op ?? 'delete links', failure.errno, failure.detail)
}

function deleteGroup(group: number): Request {
  return { op: `delete links of group ${group}`, type: RTM_DELLINK, flags: 0, body: ifinfomsg({}), attributes: [[IFLA_GROUP, u32(group)]] }
}
