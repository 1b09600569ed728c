// Read only where a port or an address is taken: reading code is what start-up costs.

import { loadSegment } from '../host/segment.ts'

/** Whether owners are gone. The name is that of build/plugins.sh. */
export const liveness = () => loadSegment<typeof import('./index.ts')>('liveness')
