// What most runs of a plugin do without, loaded where it is needed. The names are those of build/plugins.sh.

import { loadSegment } from '../../host/segment.ts'

/** Both backends of ipMasq. */
export const masqueradeBackends = () => loadSegment<typeof import('../masquerade/backends.ts')>('masquerade')

/** The host ports of `podwire`. */
export const hostPortRules = () => loadSegment<typeof import('../host-ports/index.ts')>('host-ports')

/** The bandwidth limits of `podwire`. */
export const bandwidthRules = () => loadSegment<typeof import('../plugins/podwire/bandwidth.ts')>('bandwidth-rules')

/** The rules of macspoofchk. */
export const spoofCheck = () => loadSegment<typeof import('../plugins/bridge/spoof-check.ts')>('spoof-check')

/** The plugin `podwire`, for its parser and its names. */
export const podwirePlugin = () => loadSegment<typeof import('../plugins/podwire/index.ts')>('podwire')

/** The iptables backend of `portmap`. */
export const portmapIptables = () => loadSegment<typeof import('../plugins/portmap/iptables.ts')>('portmap-iptables').iptables

/** The nftables backend of `portmap`. */
export const portmapNftables = () => loadSegment<typeof import('../plugins/portmap/nftables.ts')>('portmap-nftables').nftables
