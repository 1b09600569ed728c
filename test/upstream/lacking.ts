// What this machine's kernel and programs lack of what the tests themselves use; such tests count as skipped.

import { spawnSync } from 'node:child_process'
import { kernelHasLink } from '../harness/throwaway-host.ts'

const probes: Readonly<Record<string, () => boolean>> = {
  dummy: () => kernelHasLink('dummy'),
  ipvlan: () => spawnSync('unshare', ['--net', 'sh', '-c', 'ip link add a type veth && ip link add probe link a type ipvlan']).status === 0,
  vlan: () => kernelHasLink('bridge', 'vlan_filtering', '1'),
  // Throw-away hosts are connected to nothing.
  modules: () => false,
  vrf: () => kernelHasLink('vrf', 'table', '10'),
}

/** The names, as `needs:NAME` in the list has them. */
export const findLacking = (): Set<string> => new Set(Object.keys(probes).filter((name) => !probes[name]?.()))
