// A segment that asks at its top level who calls: no process does while the program is built.

import { sys } from '../../src/host/sys.ts'

export const hadCaller = sys.argv.length > 0
export const count = () => 0
