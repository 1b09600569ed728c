// The product in a cluster: the chart as a user installs it, and what its commands say. Another network can stand in for it (run.ts --network).

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { succeeded } from './command.ts'
import type { Cluster } from './driver.ts'
import { get, getAll, kubectl } from './kubernetes.ts'
import { eventually, Skip, type Values } from './scenario.ts'

export const archive = fileURLToPath(new URL('../dist/podwire-image.tar', import.meta.url))
export const chart = fileURLToPath(new URL('../helm/podwire', import.meta.url))
export const release = 'podwire'
export const namespace = 'kube-system'
/** The label of the agents' pods. */
const agents = 'app.kubernetes.io/name=podwire,app.kubernetes.io/component=agent'

/** What can give a cluster its network. */
export interface Network {
  install(cluster: Cluster, values: Values): Promise<void>
}

/** Why podwire cannot be installed; undefined where it can. */
export function missing(): string | undefined {
  if (!existsSync(chart)) return 'there is no chart yet (helm/podwire)'
  return existsSync(archive) ? undefined : 'there is no image: run `make image`'
}

export const podwire: Network = {
  async install(cluster, values) {
    const reason = missing()
    if (reason !== undefined) throw new Skip(reason)
    await cluster.loadImage(archive)
    await installChart(cluster, values)
  },
}

/** `helm install`, or `upgrade` to just these values where it is installed; returns when it is rolled out. The chart's own image is the one of the archive. */
export const installChart = (cluster: Cluster, values: Values = {}, ...more: readonly string[]) =>
  installChartOf(cluster, chart, values, ...more)

/** The same for a chart of whichever source: a folder, an archive, a reference in a registry. */
export async function installChartOf(cluster: Cluster, source: string, values: Values = {}, ...more: readonly string[]): Promise<void> {
  const args = ['upgrade', '--install', release, source, '--namespace', namespace, '--reset-values', '--values', '-', ...more]
  succeeded(await cluster.helm(args, { stdin: JSON.stringify(values), timeout: 180_000 }), `helm ${args.join(' ')}`)
  await rolledOut(cluster)
}

export async function uninstallChart(cluster: Cluster): Promise<void> {
  succeeded(
    await cluster.helm(['uninstall', release, '--namespace', namespace, '--wait', '--timeout', '2m'], { timeout: 180_000 }),
    'helm uninstall',
  )
}

/** Waits until every agent runs as the DaemonSet says now. */
export async function rolledOut(cluster: Cluster, seconds = 90): Promise<void> {
  await kubectl(cluster, ['rollout', 'status', '-n', namespace, `daemonset/${release}`, `--timeout=${seconds}s`], {
    timeout: (seconds + 5) * 1000,
  })
}

/** What the API says about all agents. */
export const agentObjects = (cluster: Cluster) => getAll(cluster, 'pods', '-n', namespace, '-l', agents)

/** The agent's pod on a node. */
export async function agentPod(cluster: Cluster, node: string): Promise<string> {
  return await eventually(20, async () => {
    const pods = await getAll(
      cluster,
      'pods',
      '-n',
      namespace,
      '-l',
      agents,
      '--field-selector',
      `spec.nodeName=${node},status.phase=Running`,
    )
    const [pod] = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    if (pod === undefined) throw new Error(`no agent runs on ${node}`)
    return pod.metadata.name
  })
}

/** `podwire …` in the agent's pod on a node; throws where it does not end with 0. */
export async function podwireOn(cluster: Cluster, node: string, ...args: readonly string[]): Promise<string> {
  return await kubectl(cluster, ['exec', '-n', namespace, await agentPod(cluster, node), '--', 'podwire', ...args])
}

/** Ends a node's agent as the kernel would, without a word. */
export async function killAgent(cluster: Cluster, node: string): Promise<void> {
  const script =
    'for process in /proc/[0-9]*; do if tr "\\\\0" " " <"$process/cmdline" | grep -q "[p]odwire-agent.mjs"; then kill -9 "$(basename "$process")"; fi; done'
  succeeded(await cluster.inNode(node, ['sh', '-c', script]), `kill the agent of ${node}`)
}

/** The agent's last lines on a node, of whichever container runs or ran last. */
export async function agentLog(cluster: Cluster, pod: string, container = 'agent'): Promise<string> {
  const { stdout, stderr } = await cluster.kubectl(['logs', '-n', namespace, pod, '-c', container, '--tail=50'])
  return stdout + stderr
}

/** The addresses that are leased on a node, by its files. */
export async function leases(cluster: Cluster, node: string): Promise<string[]> {
  const { stdout } = await cluster.inNode(node, ['sh', '-c', 'find /run/podwire/leases -type f 2>/dev/null'])
  return stdout
    .split('\n')
    .map((path) => path.split('/').at(-1) ?? '')
    .filter((name) => /^[0-9a-f]+[.:][0-9a-f.:]+$/.test(name))
    .sort()
}

/** The addresses that pods with a network of their own have on a node, by the API. */
export async function podAddresses(cluster: Cluster, node: string): Promise<string[]> {
  const pods = await getAll(cluster, 'pods', '-A', '--field-selector', `spec.nodeName=${node}`)
  return pods
    .filter(({ spec, status }) => !spec.hostNetwork && !['Succeeded', 'Failed'].includes(status.phase))
    .flatMap(({ status }) => (status.podIPs ?? []).map(({ ip }: { readonly ip: string }) => ip))
    .sort()
}

/** Throws where a node's leases are not exactly its pods' addresses; waits for what is on its way. */
export async function noLeakedAddresses(cluster: Cluster, nodes: readonly string[], seconds = 30): Promise<void> {
  await eventually(seconds, async () => {
    for (const node of nodes) {
      const [held, used] = [await leases(cluster, node), await podAddresses(cluster, node)]
      if (held.join() !== used.join()) throw new Error(`${node}: leases ${held.join(' ') || 'none'}, pods ${used.join(' ') || 'none'}`)
    }
  })
}

/** The node's podCIDRs. */
export const podCidrsOf = async (cluster: Cluster, node: string): Promise<readonly string[]> =>
  (await get(cluster, 'node', node)).spec.podCIDRs ?? []
