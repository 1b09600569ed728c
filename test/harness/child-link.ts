// Which links on top of links this kernel has: `ip` makes none without a parent.

import { spawnSync } from 'node:child_process'
import { noHostReason } from './throwaway-host.ts'

/** Why no `macvlan`, `ipvlan` or `vlan` can be made here; undefined where one can. */
export function noChildLinkReason(kind: string): string | undefined {
  if (noHostReason !== undefined) return noHostReason
  const probe = `ip link add below type veth peer name beyond && ip link add probe link below type ${kind}`
  return spawnSync('unshare', ['--net', 'sh', '-c', probe]).status === 0 ? undefined : `this kernel has no ${kind}`
}
