// The program: one static binary under every plugin's name. Its file name selects the plugin, and only that plugin's code is read.
// Called as `podwire` with arguments, which no runtime gives, it is the operator's command.

import type { Program } from '../cni/plugin.ts'
import { loadSegment } from '../host/segment.ts'
import { sys } from '../host/sys.ts'

const plugins = [
  'bandwidth',
  'bridge',
  'cnitool',
  'dhcp',
  'firewall',
  'flannel',
  'host-local',
  'ipvlan',
  'loopback',
  'macvlan',
  'noop',
  'podwire',
  'podwire-ipam-rpc',
  'portmap',
  'ptp',
  'sbr',
  'static',
  'tuning',
]

/** The segment of plugins that share one. */
const together: Readonly<Record<string, string>> = {
  cnitool: 'misc',
  dhcp: 'misc',
  flannel: 'misc',
  ipvlan: 'macvlan-ipvlan',
  macvlan: 'macvlan-ipvlan',
  noop: 'misc',
  'podwire-ipam-rpc': 'misc',
}

const name = (sys.argv[0] ?? '').split('/').at(-1) ?? ''
if (!plugins.includes(name)) {
  sys.write(2, `podwire: no plugin ${JSON.stringify(name)}; this program runs under the names ${plugins.join(', ')}\n`)
  sys.exit(1)
}
if (sys.argv.length > 1 && name === 'podwire') {
  sys.exit(loadSegment<{ run: (args: readonly string[], names: readonly string[]) => number }>('cli').run(sys.argv.slice(1), plugins))
}
const segment = together[name]
const program = segment
  ? loadSegment<{ programs: Readonly<Record<string, Program>> }>(segment).programs[name]
  : loadSegment<{ program: Program }>(name).program
sys.exit(program?.() ?? 1)
