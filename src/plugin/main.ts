// The program: one static binary under every plugin's name. It is what its own file name says.

import type { Program } from '../cni/plugin.ts'
import { sys } from '../host/sys.ts'
import { bridge } from './bridge/index.ts'
import { hostLocal } from './host-local.ts'
import { loopback } from './loopback.ts'
import { staticIpam } from './static.ts'

const programs: Readonly<Record<string, Program>> = { bridge, 'host-local': hostLocal, static: staticIpam, loopback }

const name = (sys.argv[0] ?? '').split('/').at(-1) ?? ''
const program = Object.hasOwn(programs, name) ? programs[name] : undefined
if (!program) {
  sys.write(2, `podwire: no plugin ${JSON.stringify(name)}; this program runs under the names ${Object.keys(programs).join(', ')}\n`)
  sys.exit(1)
} else {
  sys.exit(program())
}
