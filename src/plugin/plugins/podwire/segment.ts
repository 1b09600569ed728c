// The limits of a pod are a segment of their own: most pods have none, and reading code is what start-up costs.

import { loadSegment } from '../../../host/segment.ts'

/** The bandwidth limits of `podwire`. The name is that of build/plugins.sh. */
export const bandwidthRules = () => loadSegment<typeof import('../../shaping/limit.ts')>('bandwidth-rules')
