// The plugin `macvlan`: a link on one of the node's, with a MAC of its own; the pod is one more machine on that network.

import type { ConfigContext } from '../../../cni/plugin.ts'
import { definePlugin } from '../../../cni/plugin.ts'
import type { Reader } from '../../../cni/reader.ts'
import { cniVersions } from '../../../cni/types.ts'
import { addMacvlan, macvlanModes } from '../../../kernel/route/child-link.ts'
import { readPodMac, readUnicastMac } from '../../pod/mac.ts'
import { dropInVersion } from '../../version.ts'
import { add } from './add.ts'
import { check, status } from './check.ts'
import { type ChildConfig, readChildConfig, readMode } from './config.ts'
import { del, gc } from './remove.ts'

export const program = definePlugin({
  name: 'macvlan',
  version: dropInVersion,
  supports: cniVersions,
  config: readMacvlanConfig,
  add,
  del,
  check,
  gc,
  status,
})

function readMacvlanConfig(reader: Reader, context: ConfigContext): ChildConfig {
  const mode = readMode(reader, macvlanModes, 'bridge')
  const bcqueuelen = reader.integer('bcqueuelen', 0, 0xffffffff) ?? 0
  return {
    ...readChildConfig(reader, context),
    kind: 'macvlan',
    mode: macvlanModes[mode],
    make: (link) => addMacvlan(link, mode, bcqueuelen),
    mac: readPodMac(reader, context) ?? readUnicastMac(reader),
    takesPrevious: false,
  }
}
