// What the agent runs for IPAM as a service: the server over this node's pools, where it is enabled, the replay of stored releases, and the reclaim of stale
// leases.

import { ipamSocketPath, leaseRoot, stickyPath } from '../../contract/paths.ts'
import type { AgentConfig } from '../config.ts'
import { requester } from '../kube/request.ts'
import type { Logger } from '../log.ts'
import type { AgentState } from '../report/agent-state.ts'
import { hostLocal } from './host-local.ts'
import { podFinder } from './pod-request.ts'
import { reclaimLeases } from './reclaim.ts'
import { replayReleases } from './replay.ts'
import { serveIpam } from './server.ts'
import { Sticky } from './sticky.ts'

/** Runs until `signal`. */
export async function runIpam(config: AgentConfig, agentState: AgentState, log: Logger, signal: AbortSignal): Promise<void> {
  const { paths, native, ipamServer } = config
  const parts = {
    hostLocal: hostLocal(native, leaseRoot(paths)),
    sticky: new Sticky(stickyPath(paths)),
    pools: ipamServer.pools,
    network: ipamServer.network,
    podCidrs: () => agentState.podCidrs,
    findPod: config.nodesFile ? undefined : podFinder(requester(config.kubeApi)),
  }
  await Promise.all([
    replayReleases(config, log, signal),
    reclaimLeases(config, agentState, log, signal),
    ipamServer.enabled ? serveIpam(ipamSocketPath(paths), parts, log, signal) : undefined,
  ])
}
