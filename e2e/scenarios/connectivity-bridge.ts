// The other datapath holds the same promises.

import type { Scenario } from '../scenario.ts'
import { scenario as connectivity } from './connectivity.ts'

export const scenario: Scenario = {
  clusters: [{ families: 'dual' }, { families: 'dual', runtime: 1, proxy: 'iptables' }],
  install: { cni: { datapath: 'bridge' } },
  checks: connectivity.checks,
}
