// What most runs of a plugin do without, loaded where it is needed. The names are those of build/plugins.sh.

import { loadSegment } from '../host/segment.ts'

/** Both backends of ipMasq. */
export const masqueradeBackends = () => loadSegment<typeof import('./masquerade/backends.ts')>('masquerade')

/** The rules of macspoofchk. */
export const spoofCheck = () => loadSegment<typeof import('./spoof-check.ts')>('spoof-check')
