// What nf_tables notifies of. Decoded no further than needed: kube-proxy or a firewall changes thousands of rules at once.

import type { View } from '../netlink/decode.ts'
import {
  NFNL_SUBSYS_NFTABLES,
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
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_NAME,
} from './constants.ts'

export interface Notification {
  readonly object: 'table' | 'chain' | 'rule' | 'set' | 'element'
  readonly deleted: boolean
  /** Which attribute has the name of the chain or set; 0 for a table. */
  readonly attribute: number
}

const notifications: Readonly<Record<number, Notification>> = {
  [NFT_MSG_DELTABLE]: { object: 'table', deleted: true, attribute: 0 },
  [NFT_MSG_NEWCHAIN]: { object: 'chain', deleted: false, attribute: NFTA_CHAIN_NAME },
  [NFT_MSG_DELCHAIN]: { object: 'chain', deleted: true, attribute: NFTA_CHAIN_NAME },
  [NFT_MSG_NEWRULE]: { object: 'rule', deleted: false, attribute: NFTA_RULE_CHAIN },
  [NFT_MSG_DELRULE]: { object: 'rule', deleted: true, attribute: NFTA_RULE_CHAIN },
  [NFT_MSG_DELSET]: { object: 'set', deleted: true, attribute: NFTA_SET_NAME },
  [NFT_MSG_NEWSETELEM]: { object: 'element', deleted: false, attribute: NFTA_SET_ELEM_LIST_SET },
  [NFT_MSG_DELSETELEM]: { object: 'element', deleted: true, attribute: NFTA_SET_ELEM_LIST_SET },
}

/** Undefined for a message of another type or subsystem. */
export function notificationOf(type: number): Notification | undefined {
  return type >> 8 === NFNL_SUBSYS_NFTABLES ? notifications[type & 0xff] : undefined
}

/** The name of the chain that the message is about, or that its rule is in; or of the set. */
export function nameIn(body: View, { attribute }: Notification): string {
  return body.attributes(4).get(attribute)?.text() ?? ''
}

/** Where a message about an object begins to differ: behind nfgenmsg and the head of its first attribute, which is the table's name. */
const TABLE_NAME = 8

/** True where the table is named `name`: a test without reading attributes. */
export function isInTable(body: View, name: string): boolean {
  if (body.length < TABLE_NAME + name.length + 1 || body.u8(TABLE_NAME + name.length) !== 0) return false
  for (let i = 0; i < name.length; i++) if (body.u8(TABLE_NAME + i) !== name.charCodeAt(i)) return false
  return true
}
