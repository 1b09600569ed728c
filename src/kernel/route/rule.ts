// Policy rules: which table a packet's route is looked up in, by its source address.

import type { Address } from '../../net/address.ts'
import { type Cidr, formatCidr } from '../../net/cidr.ts'
import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/constants.ts'
import type { Received } from '../netlink/decode.ts'
import { type Attribute, u32 } from '../netlink/encode.ts'
import { dump, type NetlinkSocket } from '../netlink/socket.ts'
import { FR_ACT_TO_TBL, FRA_PRIORITY, FRA_SRC, FRA_TABLE, RT_TABLE_UNSPEC, RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE } from './constants.ts'
import { addressFamily, type Request } from './request.ts'

/** `from SRC lookup TABLE`. Without a priority the kernel puts a new rule before all but the one of table local. */
export interface PolicyRule {
  readonly src: Cidr
  readonly table: number
  readonly priority?: number | undefined
}

/** A rule as the kernel has it; `src` is undefined where it holds for any source. */
export interface KernelRule {
  readonly family: 4 | 6
  readonly src: Cidr | undefined
  readonly table: number
  readonly priority: number
}

/** `ip rule add from SRC lookup TABLE`; EEXIST where it is there. */
export function addPolicyRule(rule: PolicyRule): Request {
  return ruleRequest('add', RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule)
}

/** `ip rule del from SRC lookup TABLE`: the first that matches all of it; ENOENT where none does. */
export function deletePolicyRule(rule: PolicyRule): Request {
  return ruleRequest('delete', RTM_DELRULE, 0, rule)
}

/** `ip rule show` of one family; EOPNOTSUPP where the kernel has no policy routing for it. */
export function listPolicyRules(socket: NetlinkSocket, family: 4 | 6): KernelRule[] {
  const body = new Uint8Array(12)
  body[0] = family === 4 ? 2 : 10
  const received = dump(socket, { op: `list IPv${family} rules`, type: RTM_GETRULE, flags: 0, body, attributes: [] })
  return received.map((message) => decodeRule(message, family))
}

function ruleRequest(verb: string, type: number, flags: number, { src, table, priority }: PolicyRule): Request {
  const attributes: Attribute[] = [
    [FRA_SRC, src.address.bytes],
    [FRA_TABLE, u32(table)],
  ]
  if (priority !== undefined) attributes.push([FRA_PRIORITY, u32(priority)])
  // __u8 family, dst_len, src_len, tos, table, res1, res2, action; __u32 flags;
  const header = [addressFamily(src.address), 0, src.length, 0, table > 255 ? RT_TABLE_UNSPEC : table, 0, 0, FR_ACT_TO_TBL]
  return { op: `${verb} rule from ${formatCidr(src)} lookup ${table}`, type, flags, body: Uint8Array.of(...header, 0, 0, 0, 0), attributes }
}

function decodeRule({ body }: Received, family: 4 | 6): KernelRule {
  const attributes = body.attributes(12)
  const bytes = attributes.get(FRA_SRC)?.bytes()
  const address: Address | undefined = bytes && { family, bytes }
  return {
    family,
    src: address && { address, length: body.u8(2) },
    table: attributes.get(FRA_TABLE)?.u32() ?? body.u8(4),
    priority: attributes.get(FRA_PRIORITY)?.u32() ?? 0,
  }
}
