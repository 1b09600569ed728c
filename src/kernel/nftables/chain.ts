// Chains: base chains, which the kernel enters at a hook, and regular ones, which rules jump to.

import { EINVAL, ENOENT, EOPNOTSUPP } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { NLM_F_CREATE } from '../netlink/constants.ts'
import type { Received } from '../netlink/decode.ts'
import { type Attribute, be32, cstr } from '../netlink/encode.ts'
import { exchange, type NetlinkSocket } from '../netlink/socket.ts'
import { commentData, NFTNL_UDATA_CHAIN_COMMENT, readComment } from './comment.ts'
import {
  NF_ACCEPT,
  NF_DROP,
  NFT_MSG_DELCHAIN,
  NFT_MSG_GETCHAIN,
  NFT_MSG_NEWCHAIN,
  NFTA_CHAIN_HANDLE,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_CHAIN_USE,
  NFTA_CHAIN_USERDATA,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
} from './constants.ts'
import { describeTable, dumpObjects, type Family, nftRequest, type Request, type TableRef } from './request.ts'

// enum nf_inet_hooks, and enum nf_br_hooks counts alike
const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const

/** Where and when the kernel enters the chain; `priority` as in `priority -100`. */
export interface BaseChain {
  readonly type: 'filter' | 'nat' | 'route'
  readonly hook: keyof typeof hooks
  readonly priority: number
  readonly policy?: 'accept' | 'drop'
}

export interface KernelChain {
  readonly table: string
  readonly name: string
  readonly handle: number
  readonly comment: string
  /** False for a regular chain. */
  readonly base: boolean
  /** Of a base chain: what becomes of a packet that no rule decides on. */
  readonly policy: 'accept' | 'drop'
  /** How many rules are in it, and how many lead to it. */
  readonly use: number
}

/** `add chain FAMILY TABLE NAME { type … hook … priority … ; policy … ; comment "…" }`; fine where it exists and is the same. */
export function addChain(ref: TableRef, name: string, { base, comment = '' }: { base?: BaseChain; comment?: string } = {}): Request {
  const attributes: Attribute[] = [
    [NFTA_CHAIN_TABLE, cstr(ref.table)],
    [NFTA_CHAIN_NAME, cstr(name)],
  ]
  if (base) {
    attributes.push([NFTA_CHAIN_TYPE, cstr(base.type)])
    if (base.policy) attributes.push([NFTA_CHAIN_POLICY, be32(base.policy === 'accept' ? NF_ACCEPT : NF_DROP)])
    const hook: Attribute[] = [
      [NFTA_HOOK_HOOKNUM, be32(hooks[base.hook])],
      [NFTA_HOOK_PRIORITY, be32(base.priority)],
    ]
    attributes.push([NFTA_CHAIN_HOOK, hook])
  }
  if (comment) attributes.push([NFTA_CHAIN_USERDATA, commentData(NFTNL_UDATA_CHAIN_COMMENT, comment)])
  return nftRequest(`add chain ${describeTable(ref)} ${name}`, NFT_MSG_NEWCHAIN, NLM_F_CREATE, ref.family, attributes)
}

/** `delete chain FAMILY TABLE NAME`; EBUSY while a rule jumps to it, so those are deleted first, in the same transaction. */
export function deleteChain(ref: TableRef, name: string): Request {
  return nftRequest(`delete chain ${describeTable(ref)} ${name}`, NFT_MSG_DELCHAIN, 0, ref.family, named(ref, name))
}

/** True where the chain exists; false as well where its table, or nf_tables itself, does not. */
export function hasChain(socket: NetlinkSocket, ref: TableRef, name: string): boolean {
  return findChains(socket, ref, [name]).length > 0
}

/** Those of the chains that exist, requested in one datagram; none where the table, or nf_tables itself, does not exist. */
export function findChains(socket: NetlinkSocket, ref: TableRef, names: readonly string[]): KernelChain[] {
  const requests = names.map((name) =>
    nftRequest(`find chain ${describeTable(ref)} ${name}`, NFT_MSG_GETCHAIN, 0, ref.family, named(ref, name)),
  )
  const { answers, failures } = exchange(socket, requests)
  const failure = failures.find(({ errno }) => ![ENOENT, EINVAL, EOPNOTSUPP].includes(errno))
  if (failure) throw new SysError(requests[failure.index]?.op ?? 'find chains', failure.errno, failure.detail)
  return answers.flatMap((answer) => answer.map(decodeChain))
}

/** `list chains FAMILY`: those of all tables, which is all the kernel offers. */
export function listChains(socket: NetlinkSocket, family: Family): KernelChain[] {
  return dumpObjects(socket, nftRequest(`list chains ${family}`, NFT_MSG_GETCHAIN, 0, family, [])).map(decodeChain)
}

function named(ref: TableRef, name: string): Attribute[] {
  return [
    [NFTA_CHAIN_TABLE, cstr(ref.table)],
    [NFTA_CHAIN_NAME, cstr(name)],
  ]
}

function decodeChain({ body }: Received): KernelChain {
  const attributes = body.attributes(4)
  return {
    table: attributes.get(NFTA_CHAIN_TABLE)?.text() ?? '',
    name: attributes.get(NFTA_CHAIN_NAME)?.text() ?? '',
    handle: attributes.get(NFTA_CHAIN_HANDLE)?.be64() ?? 0,
    comment: readComment(attributes.get(NFTA_CHAIN_USERDATA), NFTNL_UDATA_CHAIN_COMMENT),
    base: attributes.get(NFTA_CHAIN_HOOK) !== undefined,
    policy: attributes.get(NFTA_CHAIN_POLICY)?.be32() === NF_DROP ? 'drop' : 'accept',
    use: attributes.get(NFTA_CHAIN_USE)?.be32() ?? 0,
  }
}
