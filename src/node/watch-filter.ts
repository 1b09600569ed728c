// Which of nf_tables' notifications are about podwire: kube-proxy or a firewall changes thousands of rules that are not.

import { TABLE } from '../contract/marks.ts'
import { type View, viewOf } from '../kernel/netlink/decode.ts'
import {
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_MSG_DELCHAIN,
  NFT_MSG_DELRULE,
  NFT_MSG_DELSET,
  NFT_MSG_DELSETELEM,
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSETELEM,
  NFTA_CHAIN_NAME,
  NFTA_RULE_CHAIN,
  NFTA_SET_NAME,
} from '../kernel/nftables/constants.ts'
import { FORWARD_CHAIN } from './forward.ts'
import { EXEMPT_SET, MASQUERADE_CHAIN, POD_SET } from './names.ts'
import type { Judge, NodeEvent } from './notification.ts'

const SETS: readonly string[] = [POD_SET[4], POD_SET[6], EXEMPT_SET[4], EXEMPT_SET[6]]

/** Where a message about an object begins to differ: behind nfgenmsg and the head of its first attribute, which is the table's name. */
const NAME = 8

export const judgeFilter: Judge = (message, watched) => {
  if (message.type >> 8 !== NFNL_SUBSYS_NFTABLES || message.length < NAME) return undefined
  const type = message.type & 0xff
  const view = viewOf(message.datagram, message.start, message.length)
  const family = view.u8(0)
  if (family === NFPROTO_INET && beginsWith(view, TABLE.table)) return judgeOwnTable(type, view)
  const isFilter = (family === NFPROTO_IPV4 || family === NFPROTO_IPV6) && beginsWith(view, 'filter')
  return isFilter && watched?.forwardAccept ? judgeForward(type, view, family) : undefined
}

/** Host ports are in the same table, under other names. */
function judgeOwnTable(type: number, view: View): NodeEvent | undefined {
  const object = (name: string) => ({ event: 'nft', object: `inet ${TABLE.table} ${name}`.trimEnd() }) as const
  switch (type) {
    case NFT_MSG_DELTABLE:
      return object('')
    case NFT_MSG_DELCHAIN:
      return nameOf(view, NFTA_CHAIN_NAME) === MASQUERADE_CHAIN ? object(MASQUERADE_CHAIN) : undefined
    case NFT_MSG_NEWRULE:
    case NFT_MSG_DELRULE:
      return nameOf(view, NFTA_RULE_CHAIN) === MASQUERADE_CHAIN ? object(MASQUERADE_CHAIN) : undefined
    case NFT_MSG_DELSET:
    case NFT_MSG_NEWSETELEM:
    case NFT_MSG_DELSETELEM: {
      // NFTA_SET_ELEM_LIST_SET has the same number.
      const name = nameOf(view, NFTA_SET_NAME)
      return SETS.includes(name) ? object(name) : undefined
    }
    default:
      return undefined
  }
}

/** The chain itself, its policy for one, or a rule that went; a deleted rule's message need not say more than its place. */
function judgeForward(type: number, view: View, family: number): NodeEvent | undefined {
  const attribute = type === NFT_MSG_NEWCHAIN ? NFTA_CHAIN_NAME : NFTA_RULE_CHAIN
  if (type !== NFT_MSG_NEWCHAIN && type !== NFT_MSG_DELRULE) return undefined
  if (nameOf(view, attribute) !== FORWARD_CHAIN) return undefined
  return { event: 'nft', object: `${family === NFPROTO_IPV4 ? 'ip' : 'ip6'} filter ${FORWARD_CHAIN}` }
}

function beginsWith(view: View, name: string): boolean {
  if (view.length < NAME + name.length + 1 || view.u8(NAME + name.length) !== 0) return false
  for (let i = 0; i < name.length; i++) if (view.u8(NAME + i) !== name.charCodeAt(i)) return false
  return true
}

function nameOf(view: View, type: number): string {
  return view.attributes(4).get(type)?.text() ?? ''
}
