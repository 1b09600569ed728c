// The limits of a network's pods: rates go from the configuration to the kernel here, and through no plugin.

import type { Reader } from '../../cni/reader.ts'
import type { Attachment, Interface } from '../../cni/types.ts'
import { loadSegment } from '../../host/segment.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import type { Link } from '../../kernel/route/link.ts'
import { type Bandwidth, readBandwidth } from './bandwidth-config.ts'
import type { ShapedPod } from './limit.ts'

/** Limits as configured, to be set for one pod by the host's end of its pair. */
export interface Limits {
  /** Returns the IFB where one was made, for the result. */
  readonly add: (route: NetlinkSocket, host: Link, pod: ShapedPod, attachment: Attachment) => Interface[]
  /** Throws where a limit is not as `add` set it; returns what that did. */
  readonly check: (route: NetlinkSocket, host: Link, pod: ShapedPod, attachment: Attachment) => Interface[]
  /** Removes the IFB. All else goes with the pair. */
  readonly remove: (route: NetlinkSocket, attachment: Attachment) => void
}

/** Reads `bandwidth` and `runtimeConfig.bandwidth` of `podwire`; undefined where neither limits anything. */
export function readLimits(reader: Reader): Limits | undefined {
  const bandwidth = readBandwidth(reader)
  return bandwidth && limitsOf(bandwidth)
}

function limitsOf(bandwidth: Bandwidth): Limits {
  return {
    add: (...pod) => rules().addBandwidth(bandwidth, ...pod),
    check: (...pod) => rules().checkBandwidth(bandwidth, ...pod),
    remove: (...pod) => rules().removeBandwidth(...pod),
  }
}

/** A segment of its own: most pods have no limits, and reading code is what start-up costs. The name is that of build/plugins.sh. */
const rules = () => loadSegment<typeof import('./limit.ts')>('bandwidth-rules')
