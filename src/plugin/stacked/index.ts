// `macvlan` and `ipvlan` as one segment: all but their options is the same.

import type { Program } from '../../cni/plugin.ts'
import { program as ipvlan } from '../ipvlan/index.ts'
import { program as macvlan } from '../macvlan/index.ts'

export const programs: Readonly<Record<string, Program>> = { ipvlan, macvlan }
