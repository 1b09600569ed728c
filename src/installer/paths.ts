// Where things are on a node. Everything is one of five places, so that a test, or three nodes on one machine, can have their own.

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

/** Where distributions have their runtime look. */
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
export const templatePath = ({ stateDir }: Paths) => `${stateDir}/conflist.json`
export const manifestPath = ({ stateDir }: Paths) => `${stateDir}/install.json`
export const desiredPath = ({ stateDir }: Paths) => `${stateDir}/desired.json`
/** What the last pass found, which had nothing to do (src/node/converged.ts). */
export const convergedPath = ({ stateDir }: Paths) => `${stateDir}/settled.json`
/** Backups of other networks' configurations. */
export const backupDir = ({ stateDir }: Paths) => `${stateDir}/backup`
/** host-local's data directory: one directory a network. */
export const leaseRoot = ({ runDir }: Paths) => `${runDir}/leases`
export const statusPath = ({ runDir }: Paths) => `${runDir}/status.json`
