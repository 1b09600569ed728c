// The sysctls that pods need to reach anything beyond the node. Their old values are not saved: an uninstall cannot distinguish podwire's from the administrator's.

import { acceptRaOf, advertisedLinks } from '../kernel/advertised-links.ts'
import { ensureSysctl, readSysctl } from '../kernel/sysctl.ts'
import { packedFamily } from '../net/packed.ts'
import type { Facts } from './facts.ts'
import { VXLAN_NAME } from './names.ts'
import type { Pass } from './pass.ts'
import { attempt, noteChange, noteProblem } from './report.ts'

const FORWARD_4 = 'net/ipv4/ip_forward'
const FORWARD_6 = 'net/ipv6/conf/all/forwarding'
const RP_FILTER = 'net/ipv4/conf/all/rp_filter'
const TUNNEL_RP_FILTER = `net/ipv4/conf/${VXLAN_NAME}/rp_filter`

/** All that a pass reads. */
export function watchedSysctls({ uplinks }: Facts): string[] {
  return [FORWARD_4, FORWARD_6, RP_FILTER, TUNNEL_RP_FILTER, ...(uplinks[6] ? [acceptRaOf(uplinks[6].link.name)] : [])]
}

/** Forwarding, for the families that the node's pods have. */
export function ensureForwarding(pass: Pass): void {
  const families = new Set(pass.state.node.podCidrs.map(({ first }) => packedFamily(first)))
  if (families.has(4)) ensure(pass, FORWARD_4, '1')
  if (!families.has(6)) return
  if (readSysctl(FORWARD_6) !== '1') {
    // A router ignores router advertisements unless accept_ra is 2: the node would lose its own default route.
    const uplink = pass.facts.uplinks[6]?.link.name
    const isAccepted = uplink !== undefined && readSysctl(acceptRaOf(uplink)) === '1'
    for (const device of new Set([...(isAccepted ? [uplink] : []), ...advertisedLinks(pass.route)])) ensure(pass, acceptRaOf(device), '2')
  }
  ensure(pass, FORWARD_6, '1')
}

/** The tunnel's packets come from addresses that the route back may not name: where rp_filter is strict, this device is set to loose. */
export function relaxReversePath(pass: Pass): void {
  if (readSysctl(RP_FILTER) === '1') ensure(pass, TUNNEL_RP_FILTER, '2')
}

function ensure({ log, dryRun }: Pass, key: string, value: string): void {
  const found = readSysctl(key)
  if (found === value) return
  if (found === undefined) {
    noteProblem(log, 'sysctl', key, 'cannot set it: this kernel does not have it')
    return
  }
  noteChange(log, 'sysctls', 'replaced', () => `${key} ${found} → ${value}`)
  if (!dryRun) attempt(log, 'sysctl', key, () => ensureSysctl(key, value))
}
