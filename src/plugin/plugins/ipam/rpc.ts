// The plugin `podwire-ipam-rpc`: IPAM by a service as a program of its own, for plugins that are not podwire's.

import { definePlugin, type Program } from '../../../cni/plugin.ts'
import { cniVersions } from '../../../cni/types.ts'
import { loadRpcIpam } from '../../../ipam/ipam.ts'
import { version } from '../../version.ts'

export const program: Program = (io) => definePlugin({ name: 'podwire-ipam-rpc', version, supports: cniVersions, ...loadRpcIpam() })(io)
