// A segment that is read and run by each run of the program that asks for it.

import { sys } from '../../src/host/sys.ts'

export const hadCaller = sys.argv !== undefined
