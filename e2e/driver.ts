// What a scenario knows of a cluster, made by e2e/cluster or by kind (e2e/kind).

import type { Background, ExecOptions, Outcome } from './command.ts'

export type Families = 'v4' | 'v6' | 'dual'

/** The versions of Kubernetes that there are programs and node images of: e2e/cluster/tools. */
export const kubernetesVersions = ['1.36', '1.37'] as const

export interface ClusterOptions {
  /** Kubernetes' minor version, 1.36 where absent. */
  readonly kubernetes?: (typeof kubernetesVersions)[number]
  /** How many nodes: n1, n2, …; 3 where absent. */
  readonly nodes?: number
  /** Those of them that are behind a router, seen from the others and the control plane; the last one where absent. */
  readonly behindRouter?: readonly string[]
  /** Those that are there but off until `powerOn`. */
  readonly off?: readonly string[]
  /** `v4` where absent; of `dual` IPv4 is the first. */
  readonly families?: Families
  /** kube-proxy's mode, `nftables` where absent. */
  readonly proxy?: 'nftables' | 'iptables'
  /** containerd 2.x, which is what is meant where absent, or Debian's 1.x. */
  readonly runtime?: 1 | 2
  /** What a node's kubelet takes, 110 where absent. */
  readonly maxPods?: number
  /** The prefix length of a node's IPv4 podCIDR, 24 where absent. */
  readonly nodeMask?: number
}

export type Daemon = 'containerd' | 'kubelet' | 'kube-proxy'

export interface Cluster {
  readonly kind: 'namespaces' | 'kind'
  readonly options: Required<ClusterOptions>
  /** The names of all nodes, those that are off included. */
  readonly nodes: readonly string[]
  /** A node's InternalIPs, the first family first. */
  addresses(node: string): readonly string[]
  /** An address outside of the cluster for each family, on the machine where `outside` runs programs; nodes reach it, and it knows no way back to pods. */
  readonly outsideAddresses: readonly string[]
  /** The administrator's, for programs that `outside` runs. */
  readonly kubeconfig: string
  /** The folder of kubectl and helm. */
  readonly programs: string
  kubectl(args: readonly string[], options?: ExecOptions): Promise<Outcome>
  helm(args: readonly string[], options?: ExecOptions): Promise<Outcome>
  startKubectl(args: readonly string[]): Background
  /** Runs a program on a node, as root. */
  inNode(node: string, args: readonly string[], options?: ExecOptions): Promise<Outcome>
  /** Runs a program of this machine outside of the cluster, from where nodes can be reached; kubectl's port-forward listens there too. */
  outside(args: readonly string[], options?: ExecOptions): Promise<Outcome>
  startOutside(args: readonly string[]): Background
  /** Gives every node that is on the image in an archive. */
  loadImage(archive: string): Promise<void>
  restart(node: string, daemon: Daemon): Promise<void>
  powerOff(node: string): Promise<void>
  /** Returns when the node's runtime answers; what was on its disk is still there, nothing else is. */
  powerOn(node: string): Promise<void>
  stopApi(): Promise<void>
  /** Returns when the API server is ready. */
  startApi(): Promise<void>
  /** The API server's audit log so far, an event a line (requests of service accounts only); undefined where there is none. */
  auditLog(): Promise<string | undefined>
  /** What the cluster uses: CPU milliseconds since it began, and bytes of memory without caches; of one node, or of all of it. */
  usage(node?: string): Promise<{ readonly cpuMs: number; readonly memory: number } | undefined>
  down(): Promise<void>
}

export interface Driver {
  readonly kind: Cluster['kind']
  /** Why clusters of these options cannot be had here; undefined where they can. */
  rejects(options: ClusterOptions): string | undefined
  /** Whether the machine's own network stays as it is. */
  leavesNetwork(): Promise<boolean>
  /** How many clusters there can be at once. */
  readonly width: number
  /** Of several at once each has another number. Returns when every node that is on has registered and has its podCIDRs; without a network for pods they are not Ready. */
  up(options: ClusterOptions, number: number): Promise<Cluster>
}

/** The options with what is meant where they are silent. */
export function completeOptions(options: ClusterOptions): Required<ClusterOptions> {
  const nodes = options.nodes ?? 3
  const defaults = {
    kubernetes: kubernetesVersions[0],
    behindRouter: [`n${nodes}`],
    off: [],
    families: 'v4',
    proxy: 'nftables',
    runtime: 2,
    maxPods: 110,
    nodeMask: 24,
  } as const
  return { ...defaults, ...options, nodes }
}
