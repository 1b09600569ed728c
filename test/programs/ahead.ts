// A program with a segment that runs when the program is built and one that runs when it is asked for.

import { loadSegment } from '../../src/host/segment.ts'
import { sys } from '../../src/host/sys.ts'

const built = loadSegment<typeof import('./ahead-built.ts')>('built')
const late = loadSegment<typeof import('./ahead-late.ts')>('late')
sys.write(1, JSON.stringify({ ranForACaller: [built.hadCaller, late.hadCaller], calls: built.count(), argument: sys.argv[1] ?? '' }))
