// The plugin `podwire`, which the chart ships: everything that a pod's interface needs, in one process.

import { definePlugin } from '../../../cni/plugin.ts'
import { cniVersions } from '../../../cni/types.ts'
import { version } from '../../version.ts'
import { add } from './add.ts'
import { check, status } from './check.ts'
import { readPodwireConfig } from './config.ts'
import { del, gc } from './remove.ts'

export { hostLinkName } from '../../link/owner.ts'
// For the commands: a conflist's options, and the link of an attachment.
export { readPodwireConfig } from './config.ts'

export const program = definePlugin({
  name: 'podwire',
  version,
  supports: cniVersions,
  config: readPodwireConfig,
  add,
  del,
  check,
  gc,
  status,
})
