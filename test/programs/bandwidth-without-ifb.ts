// The plugin `bandwidth` on a kernel without IFB.

import { sys } from '../../src/host/sys.ts'
import { program } from '../../src/plugin/plugins/bandwidth/index.ts'
import { hideFromKernel } from '../harness/hide-from-kernel.ts'

hideFromKernel('ifb')
sys.exit(program())
