// Transactions: what is sent together happens together, or not at all.

import { ENOENT } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { viewOf } from '../netlink/decode.ts'
import { encodeMessage, type Message } from '../netlink/encode.ts'
import type { Failure } from '../netlink/receive.ts'
import { exchangeBatch, type NetlinkSocket, openNetlink, transact } from '../netlink/socket.ts'
import {
  NETLINK_NETFILTER,
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_SUBSYS_NFTABLES,
  NFT_MSG_GETGEN,
  NFTA_EXPR_NAME,
  NFTA_GEN_ID,
  NFTA_LIST_ELEM,
  NFTA_RULE_EXPRESSIONS,
} from './constants.ts'
import { nfgenmsg, nftRequest, type Request } from './request.ts'

/**
 * Opens a socket to the netfilter of the namespace that the process is in. Closing it waits for what was deleted through it
 * to be out of use by every CPU (an RCU grace period): close it late, or not at all.
 */
export function openNftables(): NetlinkSocket {
  return openNetlink(NETLINK_NETFILTER)
}

/** `nft -f -`: all of `requests` or none; throws the first failure as a SysError named by its request. */
export function commit(socket: NetlinkSocket, requests: readonly Request[]): void {
  const failure = tryCommit(socket, requests)
  if (failure) throw failure
}

/** Like `commit`, but the failure is returned instead of thrown, so that the caller can decide. */
export function tryCommit(socket: NetlinkSocket, requests: readonly Request[]): SysError | undefined {
  const [failure] = exchangeBatch(socket, bracket(NFNL_MSG_BATCH_BEGIN), requests, bracket(NFNL_MSG_BATCH_END))
  if (!failure) return undefined
  const request = requests[failure.index]
  return new SysError(request?.op ?? 'nftables transaction', failure.errno, failure.detail || (request ? culprit(request, failure) : ''))
}

/**
 * How often a plan is made and committed. Each failed try means that another process committed between our read and our commit, so one of
 * them always succeeds: ten plugins at once (docs/benchmarks.md) need fewer tries.
 */
export const COMMIT_TRIES = 8

/**
 * Commits what `plan` makes of the tables as they are, nothing where it is empty; with a new plan where another process changed them in
 * between, which the errors `races` show.
 */
export function commitPlan(socket: NetlinkSocket, plan: () => readonly Request[], races: readonly number[] = [ENOENT]): void {
  for (let attempt = 1; ; attempt++) {
    const failure = tryCommit(socket, plan())
    if (!failure) return
    if (!races.includes(failure.errno) || attempt === COMMIT_TRIES) throw failure
  }
}

/** The number of the ruleset as it is: each transaction in the namespace, by any process, adds one. */
export function generation(socket: NetlinkSocket): number {
  const [answer] = transact(socket, [nftRequest('get the generation of nftables', NFT_MSG_GETGEN, 0, 'inet', [])])
  return answer?.[0]?.body.attributes(4).get(NFTA_GEN_ID)?.be32() ?? 0
}

function bracket(type: number): Message {
  return { type, flags: 0, body: nfgenmsg(0, NFNL_SUBSYS_NFTABLES), attributes: [] }
}

/** Which expression of a rule the kernel rejected: where a kernel lacks one, its error is only "No such file or directory". */
function culprit(request: Request, { offset }: Failure): string {
  const message = encodeMessage(request, 0)
  const view = viewOf(message.buffer as ArrayBuffer) // encodeMessage allocates it, and an ordinary one
  for (const [type, list] of view.list(20)) {
    if (type !== NFTA_RULE_EXPRESSIONS) continue
    for (const [kind, element] of list.list()) {
      const start = element.start - 4
      if (kind !== NFTA_LIST_ELEM || offset < start || offset >= start + 4 + element.length) continue
      return `rejected expression: ${element.attributes().get(NFTA_EXPR_NAME)?.text()}`
    }
  }
  return ''
}
