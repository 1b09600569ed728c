// What the steps for one pod share.

import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import type { HostView } from './host-view.ts'
import type { PodLog } from './report.ts'

export interface Restoring {
  readonly route: NetlinkSocket
  readonly view: HostView
  readonly log: PodLog
  /** Report only. */
  readonly dryRun: boolean
}
