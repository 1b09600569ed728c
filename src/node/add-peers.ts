// Routes to peers that have just joined, made without a dump of the thousands that exist: their pods must not wait for that.
// It replaces, removes and saves nothing; the next pass does.

import { VXLAN_ALIAS } from '../contract/marks.ts'
import { sys } from '../host/sys.ts'
import { openBulkNetlink } from '../kernel/netlink/bulk.ts'
import { closeNetlink } from '../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../kernel/route/constants.ts'
import { readFacts } from './facts.ts'
import { ownPort } from './names.ts'
import { findPaths } from './paths.ts'
import { addPeerObjects, peerObjects } from './peers.ts'
import { parseNodeState } from './read-state.ts'
import { PROTOCOL } from './state.ts'

/** `added` counts routes, neighbours and forwarding entries. */
export interface AddReport {
  readonly protocol: typeof PROTOCOL
  readonly added: number
}

/** `text` is a NodeState with the new peers only. The next pass reports what the kernel rejects. Throws a CniError where it is invalid. */
export function addPeers(text: string): AddReport {
  const state = parseNodeState(text)
  const route = openBulkNetlink(NETLINK_ROUTE, ownPort(sys.getpid()))
  const facts = readFacts(route, state)
  const paths = findPaths(state, facts)
  // A device that is missing or unmanaged is left to the pass.
  const vxlan = facts.vxlan?.alias === VXLAN_ALIAS ? facts.vxlan.index : undefined
  const added = addPeerObjects(route, peerObjects({ facts, paths }, vxlan))
  closeNetlink(route)
  return { protocol: PROTOCOL, added }
}
