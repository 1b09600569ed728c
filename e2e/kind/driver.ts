// The same scenarios on kind, where Docker is: `make e2e-kind`, and the GitHub workflow. It has never run where this was written, which has no Docker.

import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mustRun, run, startBackground, succeeded } from '../command.ts'
import { type Cluster, type ClusterOptions, completeOptions, type Driver } from '../driver.ts'

const name = 'podwire-e2e'
const context = ['--context', `kind-${name}`]
const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export const kind: Driver = {
  kind: 'kind',
  width: 1,
  refuses({ runtime, behindRouter, off, maxPods }) {
    if (runtime === 1) return "kind's node images have one containerd"
    if (maxPods !== undefined) return "kind's nodes take 110 pods"
    return behindRouter?.length || off?.length ? "kind's nodes are all on one link, and all on" : undefined
  },
  async up(wanted) {
    const options = { ...completeOptions(wanted), behindRouter: [] }
    await mustRun(['kind', 'delete', 'cluster', '--name', name])
    const config = file(`${options.families}-${options.proxy}.yaml`)
    await mustRun(['kind', 'create', 'cluster', '--name', name, '--config', config, '--wait', '0s'], { timeout: 600_000 })
    const images = (await mustRun(['sh', file('../cluster/images.sh')], { timeout: 600_000 })).trim()
    const cluster = makeCluster(options, await readMachines(options))
    await cluster.loadImage(`${images}/tools.tar`)
    return cluster
  },
}

/** Node n1 is the control plane, which takes pods like the others. */
const container = (node: string) =>
  node === 'n1' ? `${name}-control-plane` : node === 'n2' ? `${name}-worker` : `${name}-worker${Number(node.slice(1)) - 1}`

async function readMachines({ nodes }: Required<ClusterOptions>) {
  const names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`)
  const machines = new Map<string, string[]>()
  for (const node of names) {
    const path = `{.status.addresses[?(@.type=="InternalIP")].address}`
    const addresses = await mustRun(['kubectl', ...context, 'get', 'node', container(node), '-o', `jsonpath=${path}`])
    machines.set(container(node), addresses.split(' '))
  }
  const gateways = await mustRun(['docker', 'network', 'inspect', 'kind', '--format', '{{range .IPAM.Config}}{{.Gateway}} {{end}}'])
  return { machines, gateways: gateways.trim().split(/\s+/) }
}

function makeCluster(options: Required<ClusterOptions>, { machines, gateways }: Awaited<ReturnType<typeof readMachines>>): Cluster {
  const nodes = [...machines.keys()]
  const inside = (node: string, args: readonly string[]) => ['docker', 'exec', '-i', node, ...args]
  const control = (verb: 'stop' | 'start') => mustRun(inside(nodes[0] ?? '', ['sh', '-ec', apiScripts[verb]]))
  const cluster: Cluster = {
    kind: 'kind',
    options,
    nodes,
    addresses: (node) => machines.get(node) ?? [],
    // The machine itself, on Docker's network.
    outsideAddresses: gateways,
    kubeconfig: process.env.KUBECONFIG ?? join(homedir(), '.kube', 'config'),
    programs: dirname(
      (process.env.PATH ?? '')
        .split(':')
        .map((folder) => join(folder, 'kubectl'))
        .find(existsSync) ?? '',
    ),
    kubectl: (args, how) => run(['kubectl', ...context, ...args], how),
    helm: (args, how) => run(['helm', '--kube-context', `kind-${name}`, ...args], how),
    startKubectl: (args) => startBackground(['kubectl', ...context, ...args]),
    inNode: (node, args, how) => run(inside(node, args), how),
    outside: (args, how) => run(args, how),
    startOutside: (args) => startBackground(args),
    async loadImage(archive) {
      await mustRun(['kind', 'load', 'image-archive', archive, '--name', name], { timeout: 300_000 })
    },
    async restart(node, daemon) {
      if (daemon === 'kube-proxy') throw new Error("kind's kube-proxy is a pod")
      succeeded(await cluster.inNode(node, ['systemctl', 'restart', daemon]), `restart ${daemon}`)
    },
    async powerOff(node) {
      await mustRun(['docker', 'kill', node])
    },
    async powerOn(node) {
      await mustRun(['docker', 'start', node])
    },
    async stopApi() {
      await control('stop')
    },
    async startApi() {
      await control('start')
    },
    auditLog: async () => undefined,
    usage: async () => undefined,
    async down() {
      await mustRun(['kind', 'delete', 'cluster', '--name', name])
    },
  }
  return cluster
}

// The kubelet runs what lies in this folder.
const apiScripts = {
  stop: 'mv /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/; while crictl ps --name kube-apiserver -q | grep -q .; do sleep 0.5; done',
  start:
    'mv /etc/kubernetes/kube-apiserver.yaml /etc/kubernetes/manifests/; until curl -sk https://127.0.0.1:6443/readyz >/dev/null; do sleep 0.5; done',
}
