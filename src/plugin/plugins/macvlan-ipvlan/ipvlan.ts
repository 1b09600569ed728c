// The plugin `ipvlan`: a link on one of the node's, with the same MAC; the pod is one more address on that network.

import type { ConfigContext } from '../../../cni/plugin.ts'
import { definePlugin } from '../../../cni/plugin.ts'
import type { Reader } from '../../../cni/reader.ts'
import { cniVersions } from '../../../cni/types.ts'
import { addIpvlan, ipvlanModes } from '../../../kernel/route/child-link.ts'
import { dropInVersion } from '../../version.ts'
import { add } from './add.ts'
import { check, status } from './check.ts'
import { type ChildConfig, readChildConfig, readMode } from './config.ts'
import { del, gc } from './remove.ts'

export const program = definePlugin({
  name: 'ipvlan',
  version: dropInVersion,
  supports: cniVersions,
  config: readIpvlanConfig,
  add,
  del,
  check,
  gc,
  status,
})

function readIpvlanConfig(reader: Reader, context: ConfigContext): ChildConfig {
  const mode = readMode(reader, ipvlanModes, 'l2')
  const config = readChildConfig(reader, context)
  const chained = reader.has('prevResult')
  const attaches = context.command === 'ADD' || context.command === 'CHECK'
  if (attaches && !config.ipam && !chained) reader.issue('ipam', 'is missing, or has no type')
  return {
    ...config,
    // The plugin before has made the master, and its result names it. The prevResult of CHECK is this plugin's own result.
    master: config.master ?? (chained && context.command === 'ADD' ? previousInterface(reader) : undefined),
    kind: 'ipvlan',
    mode: ipvlanModes[mode],
    make: (link) => addIpvlan(link, mode),
    mac: undefined,
    takesPrevious: true,
  }
}

/** The one interface that prevResult has. */
function previousInterface(reader: Reader): string | undefined {
  const names = reader.object('prevResult', (previous) => previous.objects('interfaces', (entry) => entry.string('name'))) ?? []
  if (names.length === 1 && names[0]) return names[0]
  reader.issue('master', 'is missing, and prevResult lacks a single named interface')
  return undefined
}
