// Where podwire's files are on a node, for the agent and the native program alike. All lie in five places, so that tests and nodes that share a machine have their own.

/** Absolute paths, `confName` excepted, which is a name in `confDir`. */
export interface Paths {
  readonly stateDir: string
  readonly runDir: string
  readonly confDir: string
  readonly confName: string
  readonly binDir: string
}

export const defaultPaths: Paths = {
  stateDir: '/var/lib/podwire',
  runDir: '/run/podwire',
  confDir: '/etc/cni/net.d',
  confName: '10-podwire.conflist',
  binDir: '/opt/cni/bin',
}

/** Where the container runtimes of distributions look. */
export const presets: Readonly<Record<string, Partial<Paths>>> = {
  generic: {},
  // Since 1.28.15, 1.29.10, 1.30.6 and 1.31.2; before, the directory changed with every version.
  k3s: { confDir: '/var/lib/rancher/k3s/agent/etc/cni/net.d', binDir: '/var/lib/rancher/k3s/data/cni' },
  rke2: {},
  microk8s: { confDir: '/var/snap/microk8s/current/args/cni-network', binDir: '/var/snap/microk8s/current/opt/cni/bin' },
  talos: {},
  flatcar: {},
  openshift: { confDir: '/etc/kubernetes/cni/net.d', binDir: '/var/lib/cni/bin' },
}

export const conflistPath = ({ confDir, confName }: Paths) => `${confDir}/${confName}`
/** The conflist without ranges, as the installer staged it. */
export const templatePath = ({ stateDir }: Pick<Paths, 'stateDir'>) => `${stateDir}/conflist.json`
export const manifestPath = ({ stateDir }: Pick<Paths, 'stateDir'>) => `${stateDir}/install.json`
/** The state of the last pass (src/node/state.ts). */
export const desiredPath = ({ stateDir }: Pick<Paths, 'stateDir'>) => `${stateDir}/desired.json`
/** The fingerprint of a converged state (src/node/converged.ts). */
export const convergedPath = ({ stateDir }: Pick<Paths, 'stateDir'>) => `${stateDir}/settled.json`
/** Backups of other networks' configurations. */
export const backupDir = ({ stateDir }: Pick<Paths, 'stateDir'>) => `${stateDir}/backup`
/** host-local's data directory: one directory a network. */
export const leaseRoot = ({ runDir }: Pick<Paths, 'runDir'>) => `${runDir}/leases`
/** Where the agent's IPAM server listens. */
export const ipamSocketPath = ({ runDir }: Pick<Paths, 'runDir'>) => `${runDir}/ipam.sock`
/** Releases that an IPAM service has not answered yet. */
export const releaseSpool = ({ stateDir }: Pick<Paths, 'stateDir'>) => `${stateDir}/ipam-releases`
/** Addresses that pods of StatefulSets had. */
export const stickyPath = ({ stateDir }: Pick<Paths, 'stateDir'>) => `${stateDir}/sticky.json`
export const statusPath = ({ runDir }: Pick<Paths, 'runDir'>) => `${runDir}/status.json`
/** The agent writes its status here, then renames it. */
export const statusTempPath = ({ runDir }: Pick<Paths, 'runDir'>) => `${runDir}/.status.json.new`
