// `macvlan` and `ipvlan` as one segment: all but their options is the same.

import type { Program } from '../../cni/plugin.ts'
import { program as ipvlan } from '../plugins/macvlan-ipvlan/ipvlan.ts'
import { program as macvlan } from '../plugins/macvlan-ipvlan/macvlan.ts'

export const programs: Readonly<Record<string, Program>> = { ipvlan, macvlan }
