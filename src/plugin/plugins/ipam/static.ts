// The plugin `static`: the integrated IPAM as a program of its own.

import { definePlugin } from '../../../cni/plugin.ts'
import { cniVersions } from '../../../cni/types.ts'
import { staticIpam } from '../../../ipam/static.ts'
import { dropInVersion } from '../../version.ts'

export const program = definePlugin({ name: 'static', version: dropInVersion, supports: cniVersions, ...staticIpam })
