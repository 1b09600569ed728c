// macspoofchk: frames that leave a pod under another source address than its own are dropped.
// Table, chains, rules and comments are those of the Go plugin, so that either can remove what the other made.

import { CniError, ErrInternal, ErrInvalidEnvironmentVariables } from '../../../cni/error.ts'
import type { Attachment, ValidAttachment } from '../../../cni/types.ts'
import { EBUSY, ENOENT } from '../../../host/errno.ts'
import { type NetlinkSocket, withNetlink } from '../../../kernel/netlink/socket.ts'
import { commitPlan } from '../../../kernel/nftables/batch.ts'
import { addChain, deleteChain, hasChain } from '../../../kernel/nftables/chain.ts'
import { fitComment } from '../../../kernel/nftables/comment.ts'
import { NF_BR_PRI_NAT_DST_BRIDGED } from '../../../kernel/nftables/constants.ts'
import { type Expression, verdict } from '../../../kernel/nftables/expression.ts'
import { etherSaddr, iifname } from '../../../kernel/nftables/match.ts'
import { comparedName } from '../../../kernel/nftables/read-rule.ts'
import type { Request, TableRef } from '../../../kernel/nftables/request.ts'
import { addRule, deleteRule, flushChain, listRules, ruleConsistsOf, targetChain } from '../../../kernel/nftables/rule.ts'
import { addTable } from '../../../kernel/nftables/table.ts'
import { NETLINK_ROUTE } from '../../../kernel/route/constants.ts'
import { findLink } from '../../../kernel/route/link.ts'
import type { Mac } from '../../../net/mac.ts'
import { hostNftables, whereNftables } from '../../netfilter/socket.ts'

const TABLE: TableRef = { family: 'bridge', table: 'nat' }
const BASE_CHAIN = 'PREROUTING'
/** NFT_NAME_MAXLEN less the NUL. */
const NAME_LIMIT = 255

/** Lets only frames from `mac` through `port`, the host's end of the pair; replaces what the attachment had. */
export function addSpoofCheck(attachment: Attachment, port: string, mac: Mac): void {
  const { ifaceChain, macChain, comment } = names(attachment)
  if (macChain.length > NAME_LIMIT) {
    const limit = NAME_LIMIT - (macChain.length - attachment.containerId.length)
    throw new CniError(ErrInvalidEnvironmentVariables, `CNI_CONTAINERID: macspoofchk takes at most ${limit} characters`)
  }
  const rule = (chain: string, expressions: readonly Expression[]) => addRule(TABLE, chain, expressions, comment)
  change((socket) => [
    addTable(TABLE),
    addChain(TABLE, BASE_CHAIN, {
      base: { type: 'filter', hook: 'prerouting', priority: NF_BR_PRI_NAT_DST_BRIDGED, policy: 'accept' },
    }),
    addChain(TABLE, ifaceChain),
    addChain(TABLE, macChain),
    flushChain(TABLE, ifaceChain),
    flushChain(TABLE, macChain),
    ...deleteJumps(socket, ifaceChain),
    // iifname PORT jump IFACE_CHAIN
    rule(BASE_CHAIN, [...iifname(port), verdict({ jump: ifaceChain })]),
    // jump MAC_CHAIN
    rule(ifaceChain, [verdict({ jump: macChain })]),
    // ether saddr MAC return
    rule(macChain, [...etherSaddr(mac), verdict('return')]),
    // drop
    rule(macChain, [verdict('drop')]),
  ])
}

/** Removes the attachment's rules and chains; table and base chain stay. */
export function removeSpoofCheck(attachment: Attachment): void {
  const { ifaceChain, macChain } = names(attachment)
  if (macChain.length <= NAME_LIMIT) whereNftables(() => removeChains(ifaceChain, macChain))
}

/** Throws where a rule between the base chain and the final drop is missing. */
export function checkSpoofCheck(attachment: Attachment): void {
  const { ifaceChain, macChain } = names(attachment)
  const rules = listRules(hostNftables(), TABLE, { containing: [ifaceChain] })
  const inChain = (chain: string) => rules.filter((rule) => rule.chain === chain)
  const complete =
    inChain(BASE_CHAIN).some((rule) => targetChain(rule) === ifaceChain) &&
    inChain(ifaceChain).some((rule) => ruleConsistsOf(rule, [verdict({ jump: macChain })])) &&
    inChain(macChain).length === 2 &&
    inChain(macChain).findLastIndex((rule) => ruleConsistsOf(rule, [verdict('drop')])) === 1
  if (!complete) throw new CniError(ErrInternal, `macspoofchk: nftables rules of chain ${ifaceChain} in table bridge nat are missing`)
}

/**
 * Removes what belongs to none of `valid`. The names do not have the network, and `valid` is that of one network only:
 * so only rules are removed whose interface is gone as well.
 */
export function gcSpoofCheck(valid: readonly ValidAttachment[]): void {
  const live = new Set(valid.map((attachment) => names(attachment).comment))
  const found = listRules(hostNftables(), TABLE, { chain: BASE_CHAIN })
  const candidates = found.filter(({ comment }) => comment.startsWith(COMMENT_PREFIX) && !live.has(comment))
  if (candidates.length === 0) return
  withNetlink(NETLINK_ROUTE, (route) => {
    const stale = candidates.filter((rule) => !findLink(route, { name: comparedName(rule) }))
    for (const chain of new Set(stale.map(targetChain))) {
      if (chain.startsWith(CHAIN_PREFIX)) removeChains(chain, `${chain}-mac`)
    }
  })
}

const CHAIN_PREFIX = 'cni-br-iface-'
const COMMENT_PREFIX = 'macspoofchk-'

function names({ containerId, ifname }: ValidAttachment): { ifaceChain: string; macChain: string; comment: string } {
  const reference = `${containerId}-${ifname}`
  const ifaceChain = `${CHAIN_PREFIX}${reference}`
  return { ifaceChain, macChain: `${ifaceChain}-mac`, comment: fitComment(`${COMMENT_PREFIX}${reference}`) }
}

/** The rules that lead to a chain go before it. */
function removeChains(ifaceChain: string, macChain: string): void {
  change((socket) => {
    const chains = [ifaceChain, macChain].filter((chain) => hasChain(socket, TABLE, chain))
    return [
      ...deleteJumps(socket, ifaceChain),
      ...chains.map((chain) => flushChain(TABLE, chain)),
      ...chains.map((chain) => deleteChain(TABLE, chain)),
    ]
  })
}

function deleteJumps(socket: NetlinkSocket, chain: string): Request[] {
  const jumps = listRules(socket, TABLE, { chain: BASE_CHAIN, containing: [chain] }).filter((rule) => targetChain(rule) === chain)
  return jumps.map(({ handle }) => deleteRule(TABLE, BASE_CHAIN, handle))
}

/** EBUSY: another process has added a rule that leads to a chain we delete. */
function change(plan: (socket: NetlinkSocket) => readonly Request[]): void {
  const socket = hostNftables()
  commitPlan(socket, () => plan(socket), [ENOENT, EBUSY])
}
