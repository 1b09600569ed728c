// The cases of test/harness/sys-table.ts on the native host: `sys-table DIR` prints their results, one a line.

import { sys } from '../../src/host/sys.ts'
import { runCase, sysTable } from '../harness/sys-table.ts'

sysTable.forEach((entry, i) => {
  const dir = `${sys.argv[1]}/${i}`
  sys.mkdir(dir, 0o700)
  sys.write(1, `${JSON.stringify(runCase(entry, sys, dir))}\n`)
})
