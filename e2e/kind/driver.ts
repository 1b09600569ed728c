// Clusters of kind: its nodes are containers of a Docker engine, set up by kubeadm.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { built } from '../built.ts'
import { mustRun, run, startBackground, succeeded } from '../command.ts'
import { type Cluster, type ClusterOptions, completeOptions, type Driver } from '../driver.ts'
import { eventually } from '../scenario.ts'
import { attachEngine, chooseEngine, startEngine } from './choose-engine.ts'
import { kindConfig } from './config.ts'
import type { Engine, EngineKind } from './engine.ts'
import { inotifyWarning } from './inotify.ts'
import { endOwnEngine, state } from './own-engine.ts'

type Options = Required<ClusterOptions>

export const kind: Driver = {
  kind: 'kind',
  width: 1,
  rejects({ runtime, behindRouter, off, nodeMask }) {
    if (process.getuid?.() !== 0) return 'needs root'
    if (runtime === 1) return "kind's node images have one containerd"
    if (nodeMask !== undefined && nodeMask !== 24) return "kind's nodes have podCIDRs of kubeadm's size"
    return behindRouter?.length || off?.length ? "kind's nodes are all on one link, and all on" : undefined
  },
  leavesNetwork: async () => (await chooseEngine(completeOptions({}).kubernetes)) === 'own',
  up: (options) => bringUp(options, 'podwire-e2e', false),
}

/** Creates the cluster; where it is to stay it is there until `down`, otherwise, in an engine of our own, at most until this process ends. */
export async function bringUp(wanted: ClusterOptions, name: string, stay: boolean): Promise<Cluster> {
  const options = { ...completeOptions(wanted), behindRouter: [] }
  const warning = inotifyWarning(options.nodes)
  if (warning !== undefined) console.error(warning)
  const engine = await startEngine(await chooseEngine(options.kubernetes), options.kubernetes, stay)
  try {
    const image = await engine.nodeImage()
    await deleteCluster(engine, name)
    mkdirSync(state, { recursive: true, mode: 0o700 })
    const config = join(state, 'kind.json')
    writeFileSync(config, kindConfig(options, engine.limited))
    const create = ['kind', 'create', 'cluster', '--name', name, '--image', image, '--config', config, '--kubeconfig', kubeconfig]
    await mustRun([...engine.at, ...create, '--wait', '0s'], { timeout: 600_000 })
    writeFileSync(settingsFile, JSON.stringify({ engine: engine.kind, name, options } satisfies Settings))
    const cluster = await makeCluster(engine, name, options)
    // It sets the nodes' sysctls first; who compares a node before and after needs them set before.
    const proxies = ['rollout', 'status', '-n', 'kube-system', 'daemonset/kube-proxy', '--timeout=240s']
    succeeded(await cluster.kubectl(proxies, { timeout: 250_000 }), 'wait for kube-proxy')
    await cluster.loadImage(join(built('cluster/images.sh'), 'tools.tar'))
    return cluster
  } catch (error) {
    await endCluster(engine, name)
    throw error
  }
}

/** The cluster of a name that is up, made by another process. */
export async function attach(name: string): Promise<Cluster | undefined> {
  const settings = readSettings()
  if (settings?.name !== name) return undefined
  const engine = attachEngine(settings.engine, settings.options.kubernetes)
  const { stdout } = await run([...engine.at, 'kind', 'get', 'clusters'])
  return stdout.split('\n').includes(name) ? await makeCluster(engine, name, settings.options) : undefined
}

/** Deletes the cluster that is up, whichever it is, and ends its engine; harmless where there is none. */
export async function down(): Promise<void> {
  const settings = readSettings()
  if (settings !== undefined) await endCluster(attachEngine(settings.engine, settings.options.kubernetes), settings.name)
  await endOwnEngine()
}

interface Settings {
  readonly engine: EngineKind
  readonly name: string
  readonly options: Options
}

const kubeconfig = join(state, 'admin.kubeconfig')
const settingsFile = join(state, 'settings.json')

function readSettings(): Settings | undefined {
  // bringUp has written it.
  return existsSync(settingsFile) ? (JSON.parse(readFileSync(settingsFile, 'utf8')) as Settings) : undefined
}

async function endCluster(engine: Engine, name: string): Promise<void> {
  await deleteCluster(engine, name)
  rmSync(settingsFile, { force: true })
  rmSync(kubeconfig, { force: true })
  await engine.end()
}

const deleteCluster = ({ at }: Engine, name: string) =>
  run([...at, 'kind', 'delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig], { timeout: 120_000 })

/** Node n1 is the control plane. */
async function makeCluster(engine: Engine, name: string, options: Options): Promise<Cluster> {
  const nodes = Array.from({ length: options.nodes }, (_, index) =>
    index === 0 ? `${name}-control-plane` : `${name}-worker${index === 1 ? '' : index}`,
  )
  const here = (...args: string[]) => [...engine.at, ...args]
  const kubectl = here('kubectl', '--kubeconfig', kubeconfig)
  const inside = (node: string, args: readonly string[]) => here('docker', 'exec', '-i', node, ...args)
  const addresses = new Map(await Promise.all(nodes.map(async (node) => [node, await internalAddresses(kubectl, node)] as const)))
  const gateways = await mustRun(here('docker', 'network', 'inspect', 'kind', '--format', '{{range .IPAM.Config}}{{.Gateway}} {{end}}'))
  const answers = (node: string, args: readonly string[], seconds: number) =>
    eventually(seconds, async () => succeeded(await cluster.inNode(node, args), `${node}: ${args.join(' ')}`))
  const control = (verb: 'stop' | 'start') => mustRun(inside(nodes[0] ?? '', ['sh', '-ec', apiScripts[verb]]), { timeout: 120_000 })
  const cluster: Cluster = {
    kind: 'kind',
    options,
    nodes,
    addresses: (node) => addresses.get(node) ?? [],
    // The engine's own, on the network of its nodes; in the order of the cluster's families.
    outsideAddresses: inOrder(gateways.trim().split(/\s+/), options),
    kubeconfig,
    programs: engine.programs,
    kubectl: (args, how) => run([...kubectl, ...args], how),
    helm: (args, how) => run([...here('helm', '--kubeconfig', kubeconfig), ...args], how),
    startKubectl: (args) => startBackground([...kubectl, ...args]),
    inNode: (node, args, how) => run(inside(node, args), how),
    outside: (args, how) => run(here(...args), how),
    startOutside: (args) => startBackground(here(...args)),
    async loadImage(archive) {
      await mustRun(here('kind', 'load', 'image-archive', archive, '--name', name), { timeout: 300_000 })
    },
    async restart(node, daemon) {
      if (daemon === 'kube-proxy') throw new Error("kind's kube-proxy is a pod")
      succeeded(await cluster.inNode(node, ['systemctl', 'restart', daemon]), `restart ${daemon}`)
      await answers(node, probes[daemon], 30)
    },
    async powerOff(node) {
      await mustRun(here('docker', 'kill', node))
    },
    async powerOn(node) {
      await mustRun(here('docker', 'start', node))
      await answers(node, probes.containerd, 60)
    },
    async stopApi() {
      await control('stop')
    },
    async startApi() {
      await control('start')
    },
    auditLog: async () => undefined,
    usage: async () => undefined,
    down: () => endCluster(engine, name),
  }
  return cluster
}

/** A node's addresses, once it has registered and has its podCIDRs: kubeadm does not wait for that. */
async function internalAddresses(kubectl: readonly string[], node: string): Promise<string[]> {
  const path = '{.spec.podCIDR} {.status.addresses[?(@.type=="InternalIP")].address}'
  return await eventually(90, async () => {
    const [podCidr, ...addresses] = (await mustRun([...kubectl, 'get', 'node', node, '-o', `jsonpath=${path}`])).split(' ')
    if (podCidr === '' || addresses.length === 0) throw new Error(`${node} has no podCIDR or no address`)
    return addresses
  })
}

/** Docker's network has both families, in whichever order. */
function inOrder(all: readonly string[], { families }: Options): string[] {
  const [v4 = '', v6 = ''] = [all.find((address) => !address.includes(':')), all.find((address) => address.includes(':'))]
  return { v4: [v4], v6: [v6], dual: [v4, v6] }[families]
}

const probes = {
  containerd: ['ctr', 'version'],
  kubelet: ['curl', '-sSf', '-o', '/dev/null', '-m', '2', 'http://127.0.0.1:10248/healthz'],
} as const

// The kubelet runs what lies in this folder.
const apiScripts = {
  stop: 'mv /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/; while crictl ps --name kube-apiserver -q | grep -q .; do sleep 0.5; done',
  start:
    'mv /etc/kubernetes/kube-apiserver.yaml /etc/kubernetes/manifests/; until curl -sk https://127.0.0.1:6443/readyz >/dev/null; do sleep 0.5; done',
}
