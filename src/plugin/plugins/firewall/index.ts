// The plugin `firewall`: accepts a pod's packets in the node's firewall, and isolates bridges. Chained behind the plugin that set the addresses.

import { requirePrevResult } from '../../../cni/config.ts'
import { CniError, ErrInvalidNetworkConfig, ErrPluginNotAvailable, gatherErrors } from '../../../cni/error.ts'
import { definePlugin, type GcRequest, type Request, type StatusRequest } from '../../../cni/plugin.ts'
import { cniVersions, type Result } from '../../../cni/types.ts'
import { withUndo } from '../../../cni/undo.ts'
import { isSysError } from '../../../host/error.ts'
import { listAddresses } from '../../../kernel/route/address.ts'
import { RT_SCOPE_UNIVERSE } from '../../../kernel/route/constants.ts'
import { findLink } from '../../../kernel/route/link.ts'
import type { Address } from '../../../net/address.ts'
import { hasIptables } from '../../netfilter/iptables-command.ts'
import { withPodIfExists } from '../../pod/namespace.ts'
import { dropInVersion } from '../../version.ts'
import {
  addWith,
  checkWith,
  chosenBackend,
  gcNftables,
  isFirewalldRunning,
  probeNftables,
  removeFromIptables,
  removeFromNftables,
  removeSources,
} from './backends.ts'
import { bridgeNameProblem, type FirewallConfig, readFirewallConfig } from './config.ts'
import { addressesOf, forgetAddresses, recordAddresses, staleAddresses, unclaimed } from './records.ts'

export const program = definePlugin({
  name: 'firewall',
  version: dropInVersion,
  supports: cniVersions,
  config: readFirewallConfig,
  add,
  del,
  check,
  gc,
  status,
})

function add(request: Request<FirewallConfig>): Result {
  const { config } = request
  const prevResult = requirePrevResult(request, 'ADD')
  const addresses = addressesIn(prevResult)
  const bridge = config.policy === 'open' ? '' : bridgeOf(prevResult, config)
  const backend = chosenBackend(config)
  withUndo((undo) => {
    undo('remove the rules', () => remove(request, addresses))
    if (backend !== 'nftables') recordAddresses(config.dataDir, request, addresses)
    addWith(backend, config, request, addresses, bridge)
  })
  return prevResult
}

/** Needs neither a result nor the namespace: the addresses are recorded, else read from the interface. */
function del(request: Request<FirewallConfig>): void {
  const { config, prevResult } = request
  const known = prevResult ? addressesIn(prevResult) : addressesOf(config.dataDir, request)
  remove(request, known.length > 0 ? known : addressesInPod(request))
}

/** From every backend: the configuration may have changed since ADD. An address that another attachment has recorded since is that one's. */
function remove(request: Request<FirewallConfig>, addresses: readonly Address[]): void {
  const { config, prevResult } = request
  const own = unclaimed(config.dataDir, request, addresses, () => addressesInPod(request))
  gatherErrors('DEL', [
    () => removeFromNftables(config, request, prevResult ? addresses : []),
    () => removeFromIptables(own),
    () => removeFromFirewalld(config, own),
  ])
  forgetAddresses(config.dataDir, own)
}

function check(request: Request<FirewallConfig>): void {
  const { config } = request
  const prevResult = requirePrevResult(request, 'CHECK')
  const bridge = config.policy === 'open' ? '' : bridgeOf(prevResult, config)
  checkWith(chosenBackend(config), config, request, addressesIn(prevResult), bridge)
}

/** Removes what belongs to this network and to no valid attachment. What the reference plugin made names no owner, and stays. */
function gc({ config, network, valid }: GcRequest<FirewallConfig>): void {
  if (!valid) return
  const stale = staleAddresses(config.dataDir, network, valid)
  gatherErrors('GC', [() => gcNftables(config, network, valid), () => removeFromIptables(stale), () => removeFromFirewalld(config, stale)])
  forgetAddresses(config.dataDir, stale)
}

/** Ready where the backend works on this host. */
function status({ config }: StatusRequest<FirewallConfig>): void {
  const backend = chosenBackend(config)
  try {
    if (backend === 'nftables') probeNftables()
  } catch (error) {
    if (!isSysError(error)) throw error
    throw new CniError(ErrPluginNotAvailable, `backend nftables: ${error.message}`)
  }
  if (backend === 'firewalld' && !isFirewalldRunning()) throw new CniError(ErrPluginNotAvailable, 'backend firewalld: it is not running')
  if ((backend === 'iptables' || config.policy !== 'open') && backend !== 'nftables' && !hasIptables(4)) {
    throw new CniError(ErrPluginNotAvailable, 'backend iptables: iptables-restore is not in PATH')
  }
}

function removeFromFirewalld(config: FirewallConfig, addresses: readonly Address[]): void {
  if (addresses.length === 0 || config.backend === 'iptables' || config.backend === 'nftables') return
  if (config.backend === 'firewalld' || isFirewalldRunning()) removeSources(config.zone, addresses)
}

function addressesIn({ ips }: Result): Address[] {
  return ips.map(({ address }) => address.address)
}

function addressesInPod({ netns, ifname }: Request<FirewallConfig>): Address[] {
  const addresses: Address[] = []
  withPodIfExists(netns, (pod) => {
    const link = findLink(pod.route, { name: ifname })
    const found = link ? listAddresses(pod.route, link.index) : []
    addresses.push(...found.filter(({ scope }) => scope === RT_SCOPE_UNIVERSE).map(({ cidr }) => cidr.address))
  })
  return addresses
}

/** The first interface of the result, as `bridge` writes it. */
function bridgeOf({ interfaces }: Result, { policy }: FirewallConfig): string {
  const [first] = interfaces
  if (!first) {
    const advice = 'make sure to chain "firewall" plugin with "bridge"'
    throw new CniError(ErrInvalidNetworkConfig, `interface needs to be set for ingress policy ${JSON.stringify(policy)}, ${advice}`)
  }
  const problem = bridgeNameProblem(first.name)
  if (problem) throw new CniError(ErrInvalidNetworkConfig, `prevResult.interfaces[0].name: ${problem}: ${JSON.stringify(first.name)}`)
  return first.name
}
