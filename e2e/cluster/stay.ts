// `make cluster`: a cluster of namespaces with podwire and DNS in it that stays up, reached from this machine by plain kubectl and helm.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDns } from '../dns.ts'
import type { Cluster, ClusterOptions } from '../driver.ts'
import { nodesReady } from '../kubernetes.ts'
import { nextCommands } from '../next-commands.ts'
import { podwire } from '../podwire.ts'
import { startRelay, writeRelayedKubeconfig } from '../relay.ts'
import * as addresses from './addresses.ts'
import { attach, bringUp } from './driver.ts'
import { routeToPods } from './pod-routes.ts'
import { inWorld, stateFolder, worldPid } from './world.ts'

/** Brings it up, or completes one that is up already; returns what to type next. */
export async function bringUpToStay(options: ClusterOptions): Promise<string> {
  const state = stateFolder()
  const cluster = worldPid(state) === undefined ? await bringUp(options, true) : attach()
  await podwire.install(cluster, { tests: { dnsName: 'kubernetes.default.svc.cluster.local' } })
  await nodesReady(cluster)
  await ensureDns(cluster)
  await routeToPods(cluster)
  return nextCommands({ kubeconfig: await relayedKubeconfig(state, cluster), programs: cluster.programs, end: 'make cluster-down' })
}

/** A kubeconfig for programs outside of the world; what it leads to ends with the world. */
async function relayedKubeconfig(state: string, { options, kubeconfig }: Cluster): Promise<string> {
  const copy = join(state, 'kubeconfig')
  if (!existsSync(copy)) {
    const [server = ''] = addresses.boxAddresses(options, addresses.controlPlane)
    writeRelayedKubeconfig(kubeconfig, copy, await startRelay(inWorld(state), server, addresses.apiPort))
  }
  return copy
}
