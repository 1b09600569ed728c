// Who does what with a pod's addresses: the backend of the configuration accepts, iptables isolates unless nftables does both.

import type { Attachment } from '../../../cni/types.ts'
import type { Address } from '../../../net/address.ts'
import { hasIptables } from '../../netfilter/iptables-command.ts'
import type { BackendName, FirewallConfig } from './config.ts'
import { addSources, checkSources, isFirewalldRunning } from './firewalld.ts'
import { addToIptables, checkIptables } from './iptables.ts'
import { addToNftables, checkNftables } from './nftables.ts'

export { isFirewalldRunning, removeSources } from './firewalld.ts'
export { removeFromIptables } from './iptables.ts'
export { gcNftables, probeNftables, removeFromNftables } from './nftables.ts'

export function chosenBackend({ backend }: FirewallConfig): BackendName {
  return backend ?? (isFirewalldRunning() ? 'firewalld' : hasIptables(4) ? 'iptables' : 'nftables')
}

/** `bridge` is used with an ingress policy only. */
export function addWith(
  name: BackendName,
  config: FirewallConfig,
  attachment: Attachment,
  addresses: readonly Address[],
  bridge: string,
): void {
  if (name === 'firewalld') addSources(config.zone, addresses)
  if (name === 'nftables') addToNftables(config, attachment, addresses, bridge)
  else if (name === 'iptables' || config.policy !== 'open') addToIptables(config, addresses, bridge, name === 'iptables')
}

export function checkWith(
  name: BackendName,
  config: FirewallConfig,
  attachment: Attachment,
  addresses: readonly Address[],
  bridge: string,
): void {
  if (name === 'firewalld') checkSources(config.zone, addresses)
  if (name === 'nftables') checkNftables(config, attachment, addresses, bridge)
  else if (name === 'iptables' || config.policy !== 'open') checkIptables(config, addresses, bridge, name === 'iptables')
}
