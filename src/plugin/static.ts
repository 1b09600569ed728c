// The plugin `static`: the integrated IPAM as a program of its own.

import { definePlugin } from '../cni/plugin.ts'
import { cniVersions } from '../cni/types.ts'
import { staticIpam as ipam } from '../ipam/static.ts'
import { version } from './version.ts'

export const staticIpam = definePlugin({ name: 'static', version, supports: cniVersions, ...ipam })
