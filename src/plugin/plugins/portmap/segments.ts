// The backends of `portmap` are segments of their own: a call uses one of them, and reading code is what start-up costs.

import { loadSegment } from '../../../host/segment.ts'

/** The iptables backend. The names are those of build/plugins.sh. */
export const portmapIptables = () => loadSegment<typeof import('./iptables.ts')>('portmap-iptables').iptables

/** The nftables backend. */
export const portmapNftables = () => loadSegment<typeof import('./nftables.ts')>('portmap-nftables').nftables
