// `make kind`: a cluster of kind with podwire in it that stays up, reached from this machine by plain kubectl and helm.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inWorld, worldPid } from '../cluster/world.ts'
import { ensureDns } from '../dns.ts'
import type { Cluster, ClusterOptions } from '../driver.ts'
import { kubectl, nodesReady } from '../kubernetes.ts'
import { nextCommands } from '../next-commands.ts'
import { formatOptions } from '../options.ts'
import { podwire } from '../podwire.ts'
import { startRelay, writeRelayedKubeconfig } from '../relay.ts'
import { attach, bringUp } from './driver.ts'
import { state } from './own-engine.ts'

const name = 'podwire'

/** Brings it up, or completes one that is up already; returns what to type next. */
export async function bringUpToStay(options: ClusterOptions): Promise<string> {
  const there = await attach(name)
  if (there !== undefined) sameOrThrow(there, options)
  const cluster = there ?? (await bringUp(options, name, true))
  await podwire.install(cluster, { tests: { dnsName: 'kubernetes.default.svc.cluster.local' } })
  await nodesReady(cluster)
  await ensureDns(cluster)
  return nextCommands({ kubeconfig: await reachable(cluster), programs: cluster.programs, end: 'make kind-down' })
}

/** A cluster keeps the settings it was made with. */
function sameOrThrow({ options }: Cluster, wanted: ClusterOptions): void {
  if (formatOptions({ ...options, ...wanted }) === formatOptions(options)) return
  throw new Error(`a cluster of kind with ${formatOptions(options)} is up already: end it with \`make kind-down\``)
}

/** A kubeconfig for this machine's own network. */
async function reachable(cluster: Cluster): Promise<string> {
  if (worldPid(state) === undefined) return cluster.kubeconfig
  const copy = join(state, 'kubeconfig')
  if (existsSync(copy)) return copy
  const original = await kubectl(cluster, ['config', 'view', '--raw', '-o', 'json'])
  const json = join(state, 'admin.json')
  writeFileSync(json, original, { mode: 0o600 })
  const [, port] = /https:\/\/127\.0\.0\.1:(\d+)/.exec(original) ?? []
  writeRelayedKubeconfig(json, copy, await startRelay(inWorld(state), '127.0.0.1', Number(port)))
  return copy
}
