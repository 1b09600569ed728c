// Programs that run seldom, as one segment: each further segment splits the shared code into smaller pieces, which every start reads.

import type { Program } from '../../cni/plugin.ts'
import { program as cnitool } from '../../libcni/cnitool.ts'
import { program as dhcp } from '../plugins/dhcp/index.ts'
import { program as flannel } from '../plugins/flannel/index.ts'
import { program as ipamRpc } from '../plugins/ipam/rpc.ts'
import { program as noop } from '../plugins/noop/index.ts'

export const programs: Readonly<Record<string, Program>> = { cnitool, dhcp, flannel, noop, 'podwire-ipam-rpc': ipamRpc }
