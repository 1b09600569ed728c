// Which tests of others run here, and on which of our programs.

export interface Module {
  readonly path: string
  readonly version: string
}

export const pluginsModule: Module = { path: 'github.com/containernetworking/plugins', version: 'v1.9.1' }
export const cniModule: Module = { path: 'github.com/containernetworking/cni', version: 'v1.3.0' }

export interface Suite {
  /** How the list of differences and the table call it. */
  readonly name: string
  readonly module: Module
  /** The package, from the module's root. */
  readonly folder: string
  /** A test during which none of these programs of ours ran is white box: it proves nothing about us. */
  readonly ours: readonly string[]
  /** Seconds after which the suite is given up. */
  readonly limit?: number
}

const plugin = (kind: string, name: string, limit?: number): Suite => ({
  name,
  module: pluginsModule,
  folder: `plugins/${kind}/${name}`,
  ours: [name],
  ...(limit !== undefined && { limit }),
})

export const suites: readonly Suite[] = [
  plugin('main', 'bridge'),
  plugin('main', 'ptp'),
  plugin('main', 'macvlan'),
  plugin('main', 'ipvlan'),
  plugin('main', 'loopback'),
  plugin('ipam', 'host-local'),
  plugin('ipam', 'static'),
  plugin('ipam', 'dhcp', 900),
  plugin('meta', 'bandwidth'),
  plugin('meta', 'firewall'),
  plugin('meta', 'portmap'),
  plugin('meta', 'sbr'),
  plugin('meta', 'tuning'),
  { name: 'integration', module: pluginsModule, folder: 'integration', ours: ['cnitool'] },
  { name: 'noop', module: cniModule, folder: 'plugins/test/noop', ours: ['noop'] },
  { name: 'libcni', module: cniModule, folder: 'libcni', ours: ['noop'] },
  { name: 'invoke', module: cniModule, folder: 'pkg/invoke', ours: ['noop'] },
]

/** Plugins of theirs that we have no counterpart of; their suites do not run. */
export const noCounterpart = ['dummy', 'host-device', 'tap', 'vlan', 'vrf']
