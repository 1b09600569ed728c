// Writes COUNT entries, as one of several processes that share a log: FILE NAME COUNT.

import { log, openLog } from '../../src/host/log.ts'
import { sys } from '../../src/host/sys.ts'

const [, file = '', name = '', count = '0'] = sys.argv
openLog({ file })
for (let number = 0; number < Number(count); number++) log.info('entry', { name, number })
