// A segment with a state of its own, which every run of the program must find as the build has left it.

import { sys } from '../../src/host/sys.ts'

let calls = 0
export const hadCaller = sys.argv !== undefined
export const count = () => ++calls
