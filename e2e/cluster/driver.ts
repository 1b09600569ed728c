// Clusters of network namespaces: each machine is a box of its own network, mounts, processes and control groups, with the real programs in it.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { built } from '../built.ts'
import { mustRun, run, startBackground } from '../command.ts'
import { type Cluster, type ClusterOptions, completeOptions, type Driver } from '../driver.ts'
import * as addresses from './addresses.ts'
import { makeCredentials } from './credentials.ts'
import { probeOf, probes, restartScript, stopScript } from './daemons.ts'
import { auditPolicy, containerdConfig, kubeletConfig, proxyConfig } from './node-config.ts'
import { readUsage } from './usage.ts'
import { beginWorld, boxPid, endWorld, inBox, inWorld, plugIn, startBox, stateFolder, stopBox, tailLog, unplug, worldPid } from './world.ts'

type Options = Required<ClusterOptions>
const { controlPlane } = addresses

export const namespaces: Driver = {
  kind: 'namespaces',
  // Much of a scenario is waiting for Kubernetes.
  width: 2,
  rejects({ runtime }) {
    if (process.getuid?.() !== 0) return 'needs root'
    return runtime === 1 && !existsSync('/usr/bin/containerd') ? "Debian's containerd is not installed" : undefined
  },
  leavesNetwork: async () => true,
  up: (options, number) => bringUp(options, false, number),
}

/** Brings a cluster up; where it is to stay it is there until `down`, otherwise at most until this process ends. */
export async function bringUp(wanted: ClusterOptions, stay: boolean, number = 1): Promise<Cluster> {
  const options = completeOptions(wanted)
  const tools: Tools = { programs: built('cluster/build.sh', { KUBERNETES: options.kubernetes }), images: built('cluster/images.sh') }
  const state = stateFolder(number)
  await beginWorld(state, stay)
  try {
    writeFileSync(join(state, 'settings.json'), JSON.stringify({ options, tools }))
    await describe(state, options)
    const cluster = makeCluster(state, options, tools)
    const on = cluster.nodes.filter((node) => !options.off.includes(node))
    await Promise.all([powerOnControlPlane(state, options, tools), ...on.map((node) => switchOn(state, options, tools, node))])
    await until('the API server to be ready', 90, [controlPlane], state, async () => (await readyz(cluster)).status === 0)
    await until('the nodes to register', 60, on, state, async () => {
      const path = '{range .items[*]}{.metadata.name} {.spec.podCIDR}{"\\n"}{end}'
      const { stdout } = await cluster.kubectl(['get', 'nodes', '-o', `jsonpath=${path}`])
      return on.every((node) => new RegExp(`^${node} .`, 'm').test(stdout) && boxPid(state, node) !== undefined)
    })
    // It sets the node's sysctls first; who compares a node before and after needs them set before.
    const proxyAnswers = async (node: string) => (await cluster.inNode(node, probes.proxy)).status === 0
    await until('kube-proxy to answer', 30, on, state, async () => (await Promise.all(on.map(proxyAnswers))).every(Boolean))
    return cluster
  } catch (error) {
    await endWorld(state)
    throw error
  }
}

/** Where what the cluster runs lies. */
interface Tools {
  readonly programs: string
  readonly images: string
}

/** The cluster that is up, made by another process. */
export function attach(): Cluster {
  const state = stateFolder()
  if (worldPid(state) === undefined) throw new Error('no cluster is up: begin with `node e2e/cluster/main.ts up`')
  const { options, tools } = settings(state)
  return makeCluster(state, options, tools)
}

// The file is bringUp's.
const settings = (state: string) => JSON.parse(readFileSync(join(state, 'settings.json'), 'utf8')) as { options: Options; tools: Tools }

/** How to run a program of the cluster that is up, to be typed at: kubectl, helm, or whatever follows `in NODE` and `outside`. */
export function commandLine(verb: 'kubectl' | 'helm' | 'in' | 'outside', args: readonly string[]): string[] {
  attach()
  const state = stateFolder()
  const [box = '', ...command] = args
  if (verb === 'in') return [...inBox(state, box), ...command]
  return verb === 'outside' ? [...inWorld(state), ...args] : [...client(state, settings(state).tools, verb), ...args]
}

export const down = (): Promise<void> => endWorld(stateFolder())

/** The credentials and configuration files of all machines. */
async function describe(state: string, options: Options): Promise<void> {
  const nodes = nodeNames(options)
  const pki = join(state, 'pki')
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'].map(
    (name) => `DNS:${name}`,
  )
  const ips = [...addresses.boxAddresses(options, controlPlane), ...addresses.firstServiceAddresses(options), '127.0.0.1'].map(
    (ip) => `IP:${ip}`,
  )
  await makeCredentials(pki, addresses.apiServer(options), [...names, ...ips], {
    admin: { user: 'admin', groups: ['system:masters'] },
    'controller-manager': { user: 'system:kube-controller-manager' },
    scheduler: { user: 'system:kube-scheduler' },
    'kube-proxy': { user: 'system:kube-proxy' },
    ...Object.fromEntries(nodes.map((node) => [node, { user: `system:node:${node}`, groups: ['system:nodes'] }])),
  })
  writeFileSync(join(state, 'audit-policy.yaml'), auditPolicy)
  for (const node of nodes) {
    const own = join(state, node)
    mkdirSync(own)
    writeFileSync(join(own, 'containerd.toml'), containerdConfig(options))
    writeFileSync(join(own, 'kubelet.yaml'), kubeletConfig(options, join(pki, 'ca.crt')))
    writeFileSync(join(own, 'kube-proxy.yaml'), proxyConfig(options, node, join(pki, 'kube-proxy.kubeconfig')))
    copyFileSync(join(pki, `${node}.kubeconfig`), join(own, 'kubelet.kubeconfig'))
  }
}

async function powerOnControlPlane(state: string, options: Options, tools: Tools): Promise<void> {
  await plugIn(state, controlPlane, plug(options, controlPlane))
  await startBox(state, controlPlane, 'control-plane', {
    TOOLS: tools.programs,
    ADVERTISE: addresses.boxAddresses(options, controlPlane)[0] ?? '',
    BIND: options.families === 'v4' ? '0.0.0.0' : '::',
    POD_CIDRS: addresses.podCidrs(options).join(','),
    SERVICE_CIDRS: addresses.serviceCidrs(options).join(','),
    MASKS: addresses.nodeMasks(options).join(' '),
  })
}

async function switchOn(state: string, options: Options, tools: Tools, node: string): Promise<void> {
  await plugIn(state, node, plug(options, node))
  await startBox(state, node, 'node', {
    TOOLS: tools.programs,
    IMAGES: tools.images,
    ...containerdOf(options, tools),
    NODE_IPS: addresses.boxAddresses(options, node).join(','),
    LABELS: `podwire.test/segment=${addresses.segmentOf(options, node)}`,
  })
}

const plug = (options: Options, box: string) => ({
  segment: addresses.segmentOf(options, box),
  addresses: addresses.boxAddresses(options, box),
  gateways: addresses.gateways(options, box),
  forwards: box !== controlPlane,
})

/** containerd and its client; each client speaks to its own version only. */
const containerdOf = ({ runtime }: Options, tools: Tools) => {
  const folder = runtime === 2 ? tools.programs : '/usr/bin'
  return { CONTAINERD: join(folder, 'containerd'), CTR: join(folder, 'ctr') }
}

const client = (state: string, tools: Tools, name: string) => [
  ...inWorld(state),
  'env',
  `KUBECONFIG=${join(state, 'pki', 'admin.kubeconfig')}`,
  join(tools.programs, name),
]

const nodeNames = ({ nodes }: Options) => Array.from({ length: nodes }, (_, index) => `n${index + 1}`)
const readyz = (cluster: Cluster) => cluster.kubectl(['get', '--raw', '/readyz'], { timeout: 5000 })

function makeCluster(state: string, options: Options, tools: Tools): Cluster {
  const nodes = nodeNames(options)
  const { CTR } = containerdOf(options, tools)
  const runNode = (node: string, ...args: string[]) => mustRun([...inBox(state, node), ...args], { timeout: 120_000 })
  const cluster: Cluster = {
    kind: 'namespaces',
    options,
    nodes,
    addresses: (node) => addresses.boxAddresses(options, node),
    outsideAddresses: addresses.outsideAddresses(options),
    kubeconfig: join(state, 'pki', 'admin.kubeconfig'),
    programs: tools.programs,
    kubectl: (args, how) => run([...client(state, tools, 'kubectl'), ...args], how),
    helm: (args, how) => run([...client(state, tools, 'helm'), ...args], how),
    startKubectl: (args) => startBackground([...client(state, tools, 'kubectl'), ...args]),
    inNode: (node, args, how) => run([...inBox(state, node), ...args], how),
    outside: (args, how) => run([...inWorld(state), ...args], how),
    startOutside: (args) => startBackground([...inWorld(state), ...args]),
    async loadImage(archive) {
      const on = nodes.filter((node) => boxPid(state, node) !== undefined)
      await Promise.all(on.map((node) => runNode(node, CTR, '-n', 'k8s.io', 'images', 'import', archive)))
    },
    async restart(node, daemon) {
      await runNode(node, 'sh', '-ec', restartScript, 'sh', daemon)
      await until(
        `${daemon} of ${node} to answer`,
        30,
        [node],
        state,
        async () => (await cluster.inNode(node, probeOf(CTR)[daemon])).status === 0,
      )
    },
    async powerOff(node) {
      await stopBox(state, node)
      await unplug(state, node)
    },
    async powerOn(node) {
      await switchOn(state, options, tools, node)
      await until(`${node} to start`, 60, [node], state, async () => boxPid(state, node) !== undefined)
    },
    async stopApi() {
      await runNode(controlPlane, 'sh', '-ec', stopScript, 'sh', 'kube-apiserver')
    },
    async startApi() {
      await runNode(controlPlane, 'rm', '-f', '/run/stopped/kube-apiserver')
      await until('the API server to be ready', 60, [controlPlane], state, async () => (await readyz(cluster)).status === 0)
    },
    auditLog: async () => (await run(['cat', join(state, controlPlane, 'log', 'audit.json')])).stdout,
    usage: async (node) => readUsage(state, node === undefined ? [controlPlane, ...nodes] : [node]),
    down: () => endWorld(state),
  }
  return cluster
}

/** Waits, but no longer than one of the boxes lives. */
async function until(what: string, seconds: number, boxes: readonly string[], state: string, done: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + seconds * 1000
  const lived = new Set<string>()
  while (!(await done())) {
    for (const box of boxes) {
      if (boxPid(state, box) !== undefined) lived.add(box)
      else if (lived.has(box)) throw new Error(`${box} died while waiting for ${what}: ${tailLog(state, box)}`)
    }
    if (performance.now() > end)
      throw new Error(`gave up waiting for ${what} after ${seconds} s: ${boxes.map((box) => `${box}: ${tailLog(state, box)}`).join('\n')}`)
    await sleep(200)
  }
}
