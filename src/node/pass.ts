// What the steps of one pass share.

import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import type { Facts } from './facts.ts'
import type { Paths } from './paths.ts'
import type { ParsedState } from './read-state.ts'
import type { Log } from './report.ts'

export interface Pass {
  readonly route: NetlinkSocket
  readonly nft: NetlinkSocket
  readonly state: ParsedState
  readonly facts: Facts
  readonly paths: Paths
  readonly log: Log
  /** Report only, change nothing. */
  readonly dryRun: boolean
}
