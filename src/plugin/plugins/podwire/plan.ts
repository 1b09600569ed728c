// What a pod of `podwire` gets of its lease. Pure.

import type { Result } from '../../../cni/types.ts'
import type { Addresses } from '../../pod/attach.ts'
import { withGateways } from '../../pod/gateways.ts'
import { requireOnLink } from '../../pod/lease-problems.ts'
import type { PodwireConfig } from './config.ts'

/** The pod's interface is the second of the result. */
const POD_INTERFACE = 1

/** The lease's addresses, with the node as their gateway, and its routes. Throws where a bridge's pod could not reach a gateway. */
export function plan({ datapath }: PodwireConfig, lease: Result): Addresses {
  const ips = withGateways(lease.ips, true, POD_INTERFACE)
  if (datapath === 'bridge') requireOnLink(ips, lease.routes)
  return { ips, routes: lease.routes }
}
