// The program: one static binary under every plugin's name. It is what its own file name says, and reads no other plugin's code.

import type { Program } from '../cni/plugin.ts'
import { loadSegment } from '../host/segment.ts'
import { sys } from '../host/sys.ts'

const plugins = ['bridge', 'host-local', 'loopback', 'podwire', 'static']

const name = (sys.argv[0] ?? '').split('/').at(-1) ?? ''
if (!plugins.includes(name)) {
  sys.write(2, `podwire: no plugin ${JSON.stringify(name)}; this program runs under the names ${plugins.join(', ')}\n`)
  sys.exit(1)
}
sys.exit(loadSegment<{ program: Program }>(name).program())
