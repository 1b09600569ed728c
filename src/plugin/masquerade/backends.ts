// Both backends behind one face: a segment of its own, since most runs set no rules.

import type { Masquerade } from './index.ts'
import { addToIptables, checkIptables, gcIptables, removeFromIptables } from './iptables.ts'
import { addToNftables, checkNftables, gcNftables, removeFromNftables } from './nftables.ts'

export { hasIptables } from './iptables-command.ts'

/** What one backend does of a masquerade's verbs. */
export type MasqueradeBackend = Masquerade

export const iptables: MasqueradeBackend = { add: addToIptables, check: checkIptables, remove: removeFromIptables, gc: gcIptables }
export const nftables: MasqueradeBackend = { add: addToNftables, check: checkNftables, remove: removeFromNftables, gc: gcNftables }
