// Programs that run seldom, as one segment: every segment more cuts what it shares with the others into smaller pieces, and each start reads those.

import type { Program } from '../cni/plugin.ts'
import { program as cnitool } from '../libcni/cnitool.ts'
import { program as dhcp } from './dhcp/index.ts'
import { program as flannel } from './flannel/index.ts'
import { program as noop } from './noop/index.ts'

export const programs: Readonly<Record<string, Program>> = { cnitool, dhcp, flannel, noop }
