// Links on a parent link: macvlan with MACs of their own, ipvlan with the parent's MAC, vlan with a tag.

import { EOPNOTSUPP } from '../../host/errno.ts'
import { sys } from '../../host/sys.ts'
import { formatMac, type Mac } from '../../net/mac.ts'
import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/constants.ts'
import { type Attribute, cstr, u16, u32 } from '../netlink/encode.ts'
import { exchange, type NetlinkSocket } from '../netlink/socket.ts'
import {
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  RTM_NEWLINK,
} from './constants.ts'
import type { Link } from './link.ts'
import { ifinfomsg, type Request } from './request.ts'

// linux/if_link.h
const IFLA_MACVLAN_MODE = 1
const IFLA_MACVLAN_BC_QUEUE_LEN = 7
const IFLA_IPVLAN_MODE = 1
const IFLA_IPVLAN_FLAGS = 2
const IFLA_VLAN_ID = 1

/** enum macvlan_mode */
export const macvlanModes = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const
/** enum ipvlan_mode */
export const ipvlanModes = { l2: 0, l3: 1, l3s: 2 } as const
const IPVLAN_F_BRIDGE = 0

export interface ChildLink {
  readonly name: string
  /** Index of the parent, in the namespace of the socket. */
  readonly parent: number
  /** Descriptor of the namespace that the link is made in; absent: that of the parent. */
  readonly netns?: number | undefined
  /** 0 or absent: that of the parent. */
  readonly mtu?: number | undefined
  readonly mac?: Mac | undefined
}

/** `ip link add NAME link PARENT netns FD mtu N address MAC type macvlan mode MODE bcqueuelen N`; `bcqueuelen` 0 is the kernel's own. */
export function addMacvlan(link: ChildLink, mode: keyof typeof macvlanModes, bcqueuelen = 0): Request {
  const data: Attribute[] = [[IFLA_MACVLAN_MODE, u32(macvlanModes[mode])]]
  if (bcqueuelen) data.unshift([IFLA_MACVLAN_BC_QUEUE_LEN, u32(bcqueuelen)])
  return addChild(link, 'macvlan', data, `mode ${mode}`)
}

/** `ip link add NAME link PARENT netns FD mtu N type ipvlan mode MODE bridge` */
export function addIpvlan(link: ChildLink, mode: keyof typeof ipvlanModes): Request {
  const data: Attribute[] = [
    [IFLA_IPVLAN_MODE, u16(ipvlanModes[mode])],
    [IFLA_IPVLAN_FLAGS, u16(IPVLAN_F_BRIDGE)],
  ]
  return addChild(link, 'ipvlan', data, `mode ${mode}`)
}

/** `ip link add NAME link PARENT netns FD mtu N type vlan id ID` */
export function addVlan(link: ChildLink, id: number): Request {
  return addChild(link, 'vlan', [[IFLA_VLAN_ID, u16(id)]], `id ${id}`)
}

/** The number of a macvlan's or an ipvlan's mode, of a vlan's tag; undefined for other links. */
export function readChildMode({ kind, info }: Link): number | undefined {
  const data = info?.get(IFLA_INFO_DATA)?.attributes()
  if (kind === 'macvlan') return data?.get(IFLA_MACVLAN_MODE)?.u32()
  if (kind === 'ipvlan') return data?.get(IFLA_IPVLAN_MODE)?.u16()
  return kind === 'vlan' ? data?.get(IFLA_VLAN_ID)?.u16() : undefined
}

/** Whether the kernel has links of the kind, or can load their module: it rejects a link without a parent only when it knows the kind. */
export function hasLinkKind(socket: NetlinkSocket, kind: 'macvlan' | 'ipvlan' | 'vlan'): boolean {
  const { failures } = exchange(socket, [addChild({ name: 'podwire-probe', parent: 0 }, kind, [], '')])
  return !failures.some(({ errno }) => errno === EOPNOTSUPP)
}

function addChild({ name, parent, netns, mtu, mac }: ChildLink, kind: string, data: readonly Attribute[], mode: string): Request {
  const attributes: Attribute[] = []
  if (mtu) attributes.push([IFLA_MTU, u32(mtu)])
  if (mac) attributes.push([IFLA_ADDRESS, mac])
  if (parent) attributes.push([IFLA_LINK, u32(parent)])
  attributes.push(
    [IFLA_IFNAME, cstr(name)],
    [
      IFLA_LINKINFO,
      [
        [IFLA_INFO_KIND, new Uint8Array(sys.encodeUtf8(kind))],
        [IFLA_INFO_DATA, data],
      ],
    ],
  )
  if (netns !== undefined) attributes.push([IFLA_NET_NS_FD, u32(netns)])
  return {
    op: `add link ${name} on #${parent}${mac ? ` address ${formatMac(mac)}` : ''} type ${kind} ${mode}`,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: ifinfomsg({}),
    attributes,
  }
}
