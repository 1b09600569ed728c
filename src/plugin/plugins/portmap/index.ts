// The plugin `portmap`: ports of the node that lead to the pod, for an interface that a plugin before it has made.

import { definePlugin } from '../../../cni/plugin.ts'
import { cniVersions } from '../../../cni/types.ts'
import { dropInVersion } from '../../version.ts'
import { readPortmapConfig } from './config.ts'
import { add, check, del, gc, status } from './verbs.ts'

export const program = definePlugin({
  name: 'portmap',
  version: dropInVersion,
  supports: cniVersions,
  config: readPortmapConfig,
  add,
  del,
  check,
  gc,
  status,
})
