// Both backends behind one interface: a segment of its own, since most runs set no rules.

import { addToIptables, checkIptables, gcIptables, removeFromIptables } from './iptables.ts'
import { addToNftables, checkNftables, gcNftables, removeFromNftables } from './nftables.ts'
import type { Masquerade } from './verbs.ts'

export { hasIptables } from '../netfilter/iptables-command.ts'

export const iptables: Masquerade = { add: addToIptables, check: checkIptables, remove: removeFromIptables, gc: gcIptables }
export const nftables: Masquerade = { add: addToNftables, check: checkNftables, remove: removeFromNftables, gc: gcNftables }
