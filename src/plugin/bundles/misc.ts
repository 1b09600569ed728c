// Programs that run seldom, as one segment: every segment more cuts what it shares with the others into smaller pieces, and each start reads those.

import type { Program } from '../../cni/plugin.ts'
import { program as cnitool } from '../../libcni/cnitool.ts'
import { program as dhcp } from '../plugins/dhcp/index.ts'
import { program as flannel } from '../plugins/flannel/index.ts'
import { program as ipamRpc } from '../plugins/ipam/rpc.ts'
import { program as noop } from '../plugins/noop/index.ts'

export const programs: Readonly<Record<string, Program>> = { cnitool, dhcp, flannel, noop, 'podwire-ipam-rpc': ipamRpc }
