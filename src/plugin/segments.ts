// What most runs of a plugin do without, loaded where it is needed. The names are those of build/plugins.sh.

import { loadSegment } from '../host/segment.ts'

/** Both backends of ipMasq. */
export const masqueradeBackends = () => loadSegment<typeof import('./masquerade/backends.ts')>('masquerade')

/** The host ports of `podwire`. */
export const hostPortRules = () => loadSegment<typeof import('./podwire/host-ports.ts')>('host-ports')

/** The bandwidth limits of `podwire`. */
export const bandwidthRules = () => loadSegment<typeof import('./podwire/bandwidth.ts')>('bandwidth-rules')

/** The rules of macspoofchk. */
export const spoofCheck = () => loadSegment<typeof import('./spoof-check.ts')>('spoof-check')

/** The plugin `podwire`, for its parser and its names. */
export const podwirePlugin = () => loadSegment<typeof import('./podwire/index.ts')>('podwire')

/** The iptables backend of `portmap`. */
export const portmapIptables = () => loadSegment<typeof import('./portmap/iptables.ts')>('portmap-iptables').iptables

/** The nftables backend of `portmap`. */
export const portmapNftables = () => loadSegment<typeof import('./portmap/nftables.ts')>('portmap-nftables').nftables
