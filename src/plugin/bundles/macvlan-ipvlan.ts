// `macvlan` and `ipvlan` as one segment: they differ only in their options.

import type { Program } from '../../cni/plugin.ts'
import { program as ipvlan } from '../plugins/macvlan-ipvlan/ipvlan.ts'
import { program as macvlan } from '../plugins/macvlan-ipvlan/macvlan.ts'

export const programs: Readonly<Record<string, Program>> = { ipvlan, macvlan }
