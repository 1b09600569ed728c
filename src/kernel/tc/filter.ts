// The filter that sends what arrives on one device through another. u32 with a key that fits all: matchall (4.8) is in fewer kernels.

import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/constants.ts'
import type { View } from '../netlink/decode.ts'
import { type Attribute, concat, cstr, u8, u32 } from '../netlink/encode.ts'
import { dump, type NetlinkSocket } from '../netlink/socket.ts'
import type { Request } from '../route/request.ts'
import {
  ETH_P_ALL_BE,
  RTM_DELTFILTER,
  RTM_GETTFILTER,
  RTM_NEWTFILTER,
  TC_ACT_STOLEN,
  TC_H_INGRESS_SIDE,
  TC_U32_TERMINAL,
  TCA_ACT_KIND,
  TCA_ACT_OPTIONS,
  TCA_EGRESS_REDIR,
  TCA_KIND,
  TCA_MIRRED_PARMS,
  TCA_OPTIONS,
  TCA_U32_ACT,
  TCA_U32_SEL,
} from './constants.ts'
import { TCMSG_LENGTH, tcmsg } from './message.ts'

/** `tc filter add dev #INDEX ingress prio PRIORITY u32 match u32 0 0 action mirred egress redirect dev #TO` */
export function redirectIngress(ifindex: number, to: number, priority: number): Request {
  return {
    op: `redirect what arrives on #${ifindex} to #${to}`,
    type: RTM_NEWTFILTER,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: tcmsg({ ifindex, parent: TC_H_INGRESS_SIDE, info: priority * 0x10000 + ETH_P_ALL_BE }),
    attributes: [
      [TCA_KIND, cstr('u32')],
      [
        TCA_OPTIONS,
        [
          [TCA_U32_ACT, [[1, mirred(to)]]],
          [TCA_U32_SEL, matchAll()],
        ],
      ],
    ],
  }
}

/** `tc filter del dev #INDEX ingress prio PRIORITY`; ENOENT or EINVAL where none exists. */
export function deleteFilters(ifindex: number, priority: number): Request {
  return {
    op: `delete filters of #${ifindex}`,
    type: RTM_DELTFILTER,
    flags: 0,
    body: tcmsg({ ifindex, parent: TC_H_INGRESS_SIDE, info: priority * 0x10000 + ETH_P_ALL_BE }),
    attributes: [],
  }
}

/** Where u32 filters send what arrives on the device, in their order (`tc filter show dev #INDEX ingress`). */
export function listRedirects(socket: NetlinkSocket, ifindex: number): number[] {
  const request = {
    op: `list filters of #${ifindex}`,
    type: RTM_GETTFILTER,
    flags: 0,
    body: tcmsg({ ifindex, parent: TC_H_INGRESS_SIDE }),
    attributes: [],
  }
  return dump(socket, request).flatMap(({ body }) => decodeRedirects(body))
}

/** The targets of a u32 filter's mirred actions; none for a filter of another kind. */
export function decodeRedirects(body: View): number[] {
  const attributes = body.attributes(TCMSG_LENGTH)
  if (attributes.get(TCA_KIND)?.text() !== 'u32') return []
  const actions = attributes.get(TCA_OPTIONS)?.attributes().get(TCA_U32_ACT)?.list() ?? []
  return actions.flatMap(([, value]) => {
    const action = value.attributes()
    if (action.get(TCA_ACT_KIND)?.text() !== 'mirred') return []
    const mirred = action.get(TCA_ACT_OPTIONS)?.attributes().get(TCA_MIRRED_PARMS)
    return mirred?.u32(20) === TCA_EGRESS_REDIR ? [mirred.u32(24)] : []
  })
}

/** An action, which has its place among the filter's actions for a type. */
function mirred(to: number): Attribute[] {
  return [
    [TCA_ACT_KIND, cstr('mirred')],
    [TCA_ACT_OPTIONS, [[TCA_MIRRED_PARMS, redirectTo(to)]]],
  ]
}

/** linux/pkt_cls.h: tc_u32_sel with one tc_u32_key, whose mask is 0. */
function matchAll(): Uint8Array {
  // unsigned char flags, offshift, nkeys; __be16 offmask; __u16 off; short offoff, hoff; __be32 hmask;
  const selector = concat([u8(TC_U32_TERMINAL), u8(0), u8(1), u8(0), new Uint8Array(12)])
  // __be32 mask, val; int off, offmask;
  return concat([selector, new Uint8Array(16)])
}

/** linux/tc_act/tc_mirred.h: tc_mirred. */
function redirectTo(ifindex: number): Uint8Array {
  // tc_gen: __u32 index, capab; int action, refcnt, bindcnt; then int eaction; __u32 ifindex;
  return concat([u32(0), u32(0), u32(TC_ACT_STOLEN), u32(0), u32(0), u32(TCA_EGRESS_REDIR), u32(ifindex)])
}
