// The plugin `ptp`: a pod joined to the node by a pair of its own, with the gateway on the node's end.

import { definePlugin } from '../../../cni/plugin.ts'
import { cniVersions } from '../../../cni/types.ts'
import { dropInVersion } from '../../version.ts'
import { add } from './add.ts'
import { check, status } from './check.ts'
import { readPtpConfig } from './config.ts'
import { del, gc } from './remove.ts'

export const program = definePlugin({
  name: 'ptp',
  version: dropInVersion,
  supports: cniVersions,
  config: readPtpConfig,
  add,
  del,
  check,
  gc,
  status,
})
