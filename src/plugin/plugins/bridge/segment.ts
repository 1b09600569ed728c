// The rules of `macspoofchk` are a segment of their own: few networks use them, and reading code is what start-up costs.

import { loadSegment } from '../../../host/segment.ts'

/** The rules of `macspoofchk`. The name is that of build/plugins.sh. */
export const spoofCheck = () => loadSegment<typeof import('./spoof-check.ts')>('spoof-check')
