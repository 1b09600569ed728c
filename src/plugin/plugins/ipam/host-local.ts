// The plugin `host-local`: the integrated IPAM as a program of its own.

import { definePlugin } from '../../../cni/plugin.ts'
import { cniVersions } from '../../../cni/types.ts'
import { hostLocalIpam } from '../../../ipam/host-local.ts'
import { dropInVersion } from '../../version.ts'

export const program = definePlugin({ name: 'host-local', version: dropInVersion, supports: cniVersions, ...hostLocalIpam })
