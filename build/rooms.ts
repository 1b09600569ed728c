// The rooms of src, and for each the rooms and files that it may import from, besides itself. A new room is a line here.

export type Rules = Readonly<Record<string, readonly string[]>>

/** What a kernel act of the plugins may rest on. */
const below = ['contract', 'net', 'host', 'cni', 'kernel', 'ipam']

/** A folder has the rules of the longest path here that it lies under. `plugin/plugins/*` is one room a folder: no plugin imports another. */
export const rules: Rules = {
  contract: [],
  net: [],
  host: [],
  cni: ['net', 'host'],
  kernel: ['net', 'host'],
  ipam: ['contract', 'net', 'host', 'cni'],
  libcni: ['net', 'host', 'cni'],
  liveness: ['contract', 'host', 'cni', 'kernel', 'libcni', 'plugin/link/owner'],
  plugin: ['host', 'cni'],
  'plugin/pod': below,
  'plugin/link': [...below, 'plugin/pod'],
  'plugin/netfilter': below,
  'plugin/shaping': [...below, 'plugin/pod', 'plugin/link'],
  'plugin/masquerade': [...below, 'plugin/netfilter'],
  'plugin/host-ports': [...below, 'liveness', 'plugin/netfilter'],
  'plugin/plugins/*': [
    ...below,
    'liveness',
    ...['pod', 'link', 'netfilter', 'shaping', 'masquerade', 'host-ports', 'version'].map((room) => `plugin/${room}`),
  ],
  'plugin/bundles': ['cni', 'libcni', 'plugin/plugins'],
  node: ['contract', 'net', 'host', 'kernel', 'cni'],
  restore: [...below, 'libcni', 'plugin/pod', 'plugin/link', 'plugin/host-ports', 'plugin/plugins/podwire'],
  installer: ['contract', 'host', 'cni', 'node/state'],
  cli: ['contract', 'net', 'host', 'cni', 'kernel', 'ipam', 'libcni', 'liveness', 'plugin', 'node', 'restore', 'installer'],
  agent: ['contract', 'net', 'cni', 'node/plan', 'node/state', 'agent'],
  'agent/loop': ['agent/log', 'agent/failure'],
  'agent/kube': ['cni', 'agent/loop'],
  'agent/nodes': ['cni', 'node/plan', 'agent/failure', 'agent/loop', 'agent/kube'],
  'agent/native': ['contract', 'cni', 'node/state', 'agent/config', 'agent/failure', 'agent/log', 'agent/loop'],
  'agent/report': [
    'contract',
    'cni',
    'node/plan',
    'node/state',
    'agent/config',
    'agent/failure',
    'agent/log',
    'agent/version',
    'agent/loop',
    'agent/kube',
    'agent/native',
  ],
  'agent/desired': [
    'contract',
    'cni',
    'node/plan',
    'node/state',
    'agent/config',
    'agent/failure',
    'agent/log',
    'agent/nodes',
    'agent/report',
  ],
  'agent/apply': ['contract', 'node/state', 'agent/desired', 'agent/failure', 'agent/log', 'agent/native', 'agent/report'],
  'agent/conflist': ['contract', 'agent/config', 'agent/failure', 'agent/log', 'agent/loop', 'agent/native', 'agent/report'],
  'agent/serve': ['node/state', 'agent/config', 'agent/failure', 'agent/log', 'agent/version', 'agent/loop', 'agent/report'],
  'agent/ipam': [
    'contract',
    'cni',
    'net',
    'agent/config',
    'agent/failure',
    'agent/log',
    'agent/loop',
    'agent/kube',
    'agent/native',
    'agent/report',
  ],
  hook: ['cni', 'agent/kube'],
}

/** The room of a file, by its path below src; undefined where no rule is for it. */
export function roomOf(file: string, rooms: Rules): string | undefined {
  const folders = file.split('/').slice(0, -1)
  for (let depth = folders.length; depth > 0; depth--) {
    const path = folders.slice(0, depth).join('/')
    if (Object.hasOwn(rooms, path) || Object.hasOwn(rooms, [...folders.slice(0, depth - 1), '*'].join('/'))) return path
  }
  return undefined
}
