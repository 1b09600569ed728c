// The plugin `bridge`: a pod's interface as a port of a Linux bridge on the node.

import { definePlugin } from '../../../cni/plugin.ts'
import { cniVersions } from '../../../cni/types.ts'
import { dropInVersion } from '../../version.ts'
import { add } from './add.ts'
import { check, status } from './check.ts'
import { readBridgeConfig } from './config.ts'
import { del, gc } from './remove.ts'

export const program = definePlugin({
  name: 'bridge',
  version: dropInVersion,
  supports: cniVersions,
  config: readBridgeConfig,
  add,
  del,
  check,
  gc,
  status,
})
