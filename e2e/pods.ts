// Pods that answer and ask, on nodes that the scenario chooses.

import type { Background, ExecOptions } from './command.ts'
import { succeeded } from './command.ts'
import type { Cluster } from './driver.ts'
import { apply, get, getAll, type KubernetesObject, kubectl, on } from './kubernetes.ts'
import { eventually } from './scenario.ts'

export const toolsImage = 'podwire.test/tools:1'

export interface Pod {
  readonly name: string
  readonly namespace: string
  readonly node: string
  /** The first family first. */
  readonly ips: readonly string[]
}

export interface PodOptions {
  readonly node?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** `probe serve 8080` where absent, which answers with the pod's name and who asked, on TCP and UDP. */
  readonly command?: readonly string[]
  readonly ports?: readonly object[]
  readonly hostNetwork?: boolean
}

/** The object of a pod that ends at once on SIGTERM. */
export function podObject(name: string, namespace: string, options: PodOptions = {}): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: metadata(name, namespace, options), spec: podSpec(options) }
}

/** What a pod of these options is made of, for a workload's template. */
export function podSpec({ node, command = ['probe', 'serve', '8080'], ports = [], hostNetwork = false }: PodOptions): object {
  return {
    ...(node !== undefined && { nodeName: node }),
    hostNetwork,
    terminationGracePeriodSeconds: 1,
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name: 'main', image: toolsImage, command, ports }],
  }
}

/** Makes a pod and waits until it is Ready. */
export async function createPod(cluster: Cluster, namespace: string, name: string, options?: PodOptions): Promise<Pod> {
  await apply(cluster, podObject(name, namespace, options))
  return await waitReady(cluster, namespace, name)
}

/** Waits until a pod is Ready; throws its events where it does not become so. */
export async function waitReady(cluster: Cluster, namespace: string, name: string, seconds = 30): Promise<Pod> {
  const { status } = await cluster.kubectl(['wait', '-n', namespace, `pod/${name}`, '--for=condition=Ready', `--timeout=${seconds}s`])
  if (status !== 0) {
    const events = await cluster.kubectl([
      'get',
      'events',
      '-n',
      namespace,
      '--field-selector',
      `involvedObject.name=${name}`,
      '-o',
      'custom-columns=M:.message',
    ])
    throw new Error(`pod ${name} is not Ready after ${seconds} s: ${events.stdout.trim().split('\n').slice(-5).join(' | ')}`)
  }
  return toPod(await get(cluster, 'pod', '-n', namespace, name))
}

/** The pods of a label that are not going away. */
export async function listPods(cluster: Cluster, namespace: string, label: string): Promise<Pod[]> {
  const pods = await getAll(cluster, 'pods', '-n', namespace, '-l', label)
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(toPod)
}

/** Deletes pods and waits until they are gone. */
export async function deletePods(cluster: Cluster, namespace: string, ...names: readonly string[]): Promise<void> {
  await kubectl(cluster, ['delete', 'pod', '-n', namespace, '--wait', '--ignore-not-found', ...names], { timeout: 90_000 })
}

/** Runs a program in a pod. */
export async function inPod(cluster: Cluster, pod: Pod, args: readonly string[], options?: ExecOptions): Promise<string> {
  return succeeded(
    await cluster.kubectl(['exec', '-i', '-n', pod.namespace, pod.name, '--', ...args], options),
    `in pod ${pod.name}: ${args.join(' ')}`,
  )
}

/** As `inPod` for programs of the machine, in the pod's network only: it needs no API server. Throws where no pod has the address. */
export async function inPodNetwork(cluster: Cluster, { node, ips: [ip = ''] }: Pod, args: readonly string[]): Promise<string> {
  const script =
    'for ns in /run/netns/*; do if nsenter --net="$ns" ip -o address | grep -qF " $ip/"; then exec nsenter --net="$ns" "$@"; fi; done; echo "no pod has $ip" >&2; exit 1'
  return succeeded(
    await cluster.inNode(node, ['env', `ip=${ip}`, 'sh', '-c', script, 'sh', ...args]),
    `in the network of ${ip}: ${args.join(' ')}`,
  )
}

/** A workload of equal pods on one node. */
export function deploymentObject(name: string, namespace: string, replicas: number, options: PodOptions = {}): object {
  const template = { metadata: { labels: { app: name } }, spec: podSpec(options) }
  const spec = { replicas, selector: { matchLabels: { app: name } }, strategy: { type: 'Recreate' }, template }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec }
}

/** One GET from a pod with a connection of its own; returns the body. */
export const fetchFrom = (cluster: Cluster, pod: Pod, url: string): Promise<string> =>
  inPod(cluster, pod, ['probe', 'get', url], { timeout: 10_000 })

/** A pod with a host port on every node that is on, each of which reaches all of them; they are gone when it returns. */
export async function usePodNetwork(cluster: Cluster, namespace: string): Promise<void> {
  const ports = [{ containerPort: 8080, hostPort: 8087 }]
  const pods = await Promise.all(on(cluster).map((node) => createPod(cluster, namespace, `used-${node}`, { node, ports })))
  for (const from of pods) for (const to of pods) await eventually(5, () => fetchFrom(cluster, from, urlOf(to.ips[0] ?? '', 8080)))
  await deletePods(cluster, namespace, ...pods.map(({ name }) => name))
}

/** As `fetchFrom`, from a machine outside of the cluster. */
export async function fetchOutside(cluster: Cluster, url: string): Promise<string> {
  return succeeded(await cluster.outside(['curl', '-sS', '-g', '-m', '3', url]), `from outside: ${url}`)
}

/** As `fetchFrom`, from a node. */
export async function fetchFromNode(cluster: Cluster, node: string, url: string): Promise<string> {
  return succeeded(await cluster.inNode(node, ['curl', '-sS', '-g', '-m', '3', url]), `from node ${node}: ${url}`)
}

/** `http://ADDRESS:PORT/`, whatever the address's family. */
export const urlOf = (address: string, port: number) => `http://${address.includes(':') ? `[${address}]` : address}:${port}/`

/** Who a pod's `probe serve` says has asked: the address without its port. */
export const askerOf = (answer: string) => (answer.trim().split(' ')[1] ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '')

export interface LoadResult {
  readonly sent: number
  readonly lost: number
  readonly errors: readonly string[]
}

/** Requests without a pause from a pod to a URL, each on a connection of its own, until `finish`. */
export function startLoad(cluster: Cluster, pod: Pod, url: string, everyMs: number): { finish(): Promise<LoadResult> } {
  const running: Background = cluster.startKubectl([
    'exec',
    '-i',
    '-n',
    pod.namespace,
    pod.name,
    '--',
    'probe',
    'load',
    url,
    String(everyMs),
  ])
  return {
    async finish() {
      const outcome = await running.finish()
      // The last line of our own program.
      return JSON.parse(succeeded(outcome, `load from ${pod.name}`)) as LoadResult
    },
  }
}

/** A Service for pods of a label: port 80 to their 8080. */
export function serviceObject(name: string, namespace: string, app: string, more: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app }, ports: [{ port: 80, targetPort: 8080 }], ipFamilyPolicy: 'PreferDualStack', ...more },
  }
}

/** A Service's addresses, once it has them. */
export async function serviceAddresses(cluster: Cluster, namespace: string, name: string): Promise<readonly string[]> {
  return await eventually(10, async () => (await get(cluster, 'service', '-n', namespace, name)).spec.clusterIPs)
}

function metadata(name: string, namespace: string, { labels = {}, annotations = {} }: PodOptions): object {
  return { name, namespace, labels: { app: name, ...labels }, annotations }
}

function toPod({ metadata: { name, namespace = '' }, spec, status }: KubernetesObject): Pod {
  const ips: readonly { readonly ip: string }[] = status.podIPs ?? []
  return { name, namespace, node: spec.nodeName, ips: ips.map(({ ip }) => ip) }
}

/** Starts `kubectl port-forward`; the URL is for `fetchOutside`. */
export async function startPortForward(
  cluster: Cluster,
  namespace: string,
  target: string,
  port: number,
): Promise<{ readonly url: string; stop(): Promise<unknown> }> {
  const forward = cluster.startKubectl(['port-forward', '-n', namespace, target, `:${port}`])
  const stop = () => forward.kill()
  try {
    const local = await eventually(10, async () => {
      const [, found] = /127\.0\.0\.1:(\d+) ->/.exec(forward.stdout()) ?? []
      if (found === undefined) throw new Error(`port-forward to ${target} does not begin`)
      return Number(found)
    })
    return { url: urlOf('127.0.0.1', local), stop }
  } catch (error) {
    await stop()
    throw error
  }
}
