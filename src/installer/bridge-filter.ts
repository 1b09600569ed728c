// What a Service needs on a node with pods on a bridge.

import type { JsonObject } from '../cni/json.ts'
import { readWhole } from '../host/whole-file.ts'
import { pluginsOf } from './conflist.ts'

// linux/netfilter_bridge.h and Documentation/networking/ip-sysctl.rst: bridge-nf-call-iptables
const KEYS = { 4: 'net/bridge/bridge-nf-call-iptables', 6: 'net/bridge/bridge-nf-call-ip6tables' } as const

/**
 * A pod connects to a Service whose endpoint is on the same bridge; the reply is bridged straight back, without the Service's address, unless bridged
 * packets pass the packet filter too. One sentence per family where they do not; empty where the list has no bridge.
 */
export function bridgeFilterProblems(list: JsonObject, families: Iterable<4 | 6>): string[] {
  const bridged = pluginsOf(list).some(({ type, datapath }) => type === 'bridge' || (type === 'podwire' && datapath === 'bridge'))
  if (!bridged) return []
  return [...families].flatMap((family) => {
    const value = readWhole(`/proc/sys/${KEYS[family]}`)?.trim()
    const remedy = 'load br_netfilter and set it to 1, or use datapath ptp'
    return value === '1'
      ? []
      : [`${KEYS[family]} is ${value ?? 'missing'}: pods of this node do not reach each other through Services; ${remedy}`]
  })
}
