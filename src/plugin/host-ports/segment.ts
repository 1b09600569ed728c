// The host ports of a pod are a segment of their own: most pods have none, and reading code is what start-up costs.

import { loadSegment } from '../../host/segment.ts'

/** The host ports of `podwire`. The name is that of build/plugins.sh. */
export const hostPortRules = () => loadSegment<typeof import('./index.ts')>('host-ports')
