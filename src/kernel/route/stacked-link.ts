// Links upon another link, which gives them the wire: macvlan with addresses of their own, ipvlan with its address, vlan with a tag.

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

export interface StackedLink {
  readonly name: string
  /** Index of the link below, in the namespace of the socket. */
  readonly below: number
  /** Descriptor of the namespace that the link is born in; absent: that of the link below. */
  readonly netns?: number | undefined
  /** 0 or absent: that of the link below. */
  readonly mtu?: number | undefined
  readonly mac?: Mac | undefined
}

/** `ip link add NAME link BELOW netns FD mtu N address MAC type macvlan mode MODE bcqueuelen N`; `bcqueuelen` 0 is the kernel's own. */
export function addMacvlan(link: StackedLink, mode: keyof typeof macvlanModes, bcqueuelen = 0): Request {
  const data: Attribute[] = [[IFLA_MACVLAN_MODE, u32(macvlanModes[mode])]]
  if (bcqueuelen) data.unshift([IFLA_MACVLAN_BC_QUEUE_LEN, u32(bcqueuelen)])
  return stack(link, 'macvlan', data, `mode ${mode}`)
}

/** `ip link add NAME link BELOW netns FD mtu N type ipvlan mode MODE bridge` */
export function addIpvlan(link: StackedLink, mode: keyof typeof ipvlanModes): Request {
  const data: Attribute[] = [
    [IFLA_IPVLAN_MODE, u16(ipvlanModes[mode])],
    [IFLA_IPVLAN_FLAGS, u16(IPVLAN_F_BRIDGE)],
  ]
  return stack(link, 'ipvlan', data, `mode ${mode}`)
}

/** `ip link add NAME link BELOW netns FD mtu N type vlan id ID` */
export function addVlan(link: StackedLink, id: number): Request {
  return stack(link, 'vlan', [[IFLA_VLAN_ID, u16(id)]], `id ${id}`)
}

/** The number of a macvlan's or an ipvlan's mode, of a vlan's tag; undefined for other links. */
export function readStacked({ kind, info }: Link): number | undefined {
  const data = info?.get(IFLA_INFO_DATA)?.attributes()
  if (kind === 'macvlan') return data?.get(IFLA_MACVLAN_MODE)?.u32()
  if (kind === 'ipvlan') return data?.get(IFLA_IPVLAN_MODE)?.u16()
  return kind === 'vlan' ? data?.get(IFLA_VLAN_ID)?.u16() : undefined
}

/** Whether the kernel has links of the kind, or can load them. Asked by a link upon nothing, which it refuses once it knows what that is. */
export function hasStackedKind(socket: NetlinkSocket, kind: 'macvlan' | 'ipvlan' | 'vlan'): boolean {
  const { failures } = exchange(socket, [stack({ name: 'podwire-probe', below: 0 }, kind, [], '')])
  return !failures.some(({ errno }) => errno === EOPNOTSUPP)
}

function stack({ name, below, netns, mtu, mac }: StackedLink, kind: string, data: readonly Attribute[], mode: string): Request {
  const attributes: Attribute[] = []
  if (mtu) attributes.push([IFLA_MTU, u32(mtu)])
  if (mac) attributes.push([IFLA_ADDRESS, mac])
  if (below) attributes.push([IFLA_LINK, u32(below)])
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
    op: `add link ${name} upon #${below}${mac ? ` address ${formatMac(mac)}` : ''} type ${kind} ${mode}`,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: ifinfomsg({}),
    attributes,
  }
}
