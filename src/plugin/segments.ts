// What most runs of a plugin do without, loaded where it is needed. The names are those of build/plugins.sh.

import { loadSegment } from '../host/segment.ts'

/** Both backends of ipMasq. */
export const masqueradeBackends = () => loadSegment<typeof import('./masquerade/backends.ts')>('masquerade')

/** The host ports of `podwire`. */
export const hostPortRules = () => loadSegment<typeof import('./podwire/host-ports.ts')>('host-ports')

/** The bandwidth limits of `podwire`. */
export const bandwidthRules = () => loadSegment<typeof import('./podwire/bandwidth.ts')>('bandwidth')

/** The rules of macspoofchk. */
export const spoofCheck = () => loadSegment<typeof import('./spoof-check.ts')>('spoof-check')
