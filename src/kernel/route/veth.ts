// veth pairs, both ends in one message.

import type { Mac } from '../../net/mac.ts'
import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/constants.ts'
import { type Attribute, concat, cstr, encodeAttributes, u32 } from '../netlink/encode.ts'
import {
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  RTM_NEWLINK,
  VETH_INFO_PEER,
} from './constants.ts'
import { ifinfomsg, type Request } from './request.ts'

/** One end of a pair. `mtu` 0 or absent leaves the kernel's default. */
export interface VethEnd {
  readonly name: string
  readonly mac?: Mac | undefined
  readonly mtu?: number | undefined
}

/**
 * `ip link add HOST master BRIDGE up type veth peer name POD netns FD`.
 * The pod's end is born in its namespace: moving it there would make every other link change on the machine wait for an RCU grace period.
 * It stays down, so that its addresses are announced when it comes up (arp_notify).
 */
export function addVeth(
  host: VethEnd & { readonly master?: number; readonly up?: boolean },
  pod: VethEnd & { readonly netns: number },
): Request {
  const peer = concat([ifinfomsg({}), encodeAttributes([...endAttributes(pod), [IFLA_NET_NS_FD, u32(pod.netns)]])])
  const attributes: Attribute[] = [
    ...endAttributes(host),
    [
      IFLA_LINKINFO,
      [
        [IFLA_INFO_KIND, cstr('veth')],
        [IFLA_INFO_DATA, [[VETH_INFO_PEER, peer]]],
      ],
    ],
  ]
  if (host.master) attributes.push([IFLA_MASTER, u32(host.master)])
  return {
    op: `add link ${host.name} type veth peer ${pod.name}`,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: ifinfomsg(host.up === false ? {} : { flags: IFF_UP, change: IFF_UP }),
    attributes,
  }
}

function endAttributes({ name, mac, mtu }: VethEnd): Attribute[] {
  const attributes: Attribute[] = [[IFLA_IFNAME, cstr(name)]]
  if (mtu) attributes.push([IFLA_MTU, u32(mtu)])
  if (mac) attributes.push([IFLA_ADDRESS, mac])
  return attributes
}
