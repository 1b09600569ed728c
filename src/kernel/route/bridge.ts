// Bridges, their ports and the VLANs of a port.

import { AF_BRIDGE } from '../../host/socket.ts'
import type { Mac } from '../../net/mac.ts'
import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/constants.ts'
import type { Received } from '../netlink/decode.ts'
import { type Attribute, concat, cstr, u8, u16, u32 } from '../netlink/encode.ts'
import { dump, type NetlinkSocket } from '../netlink/socket.ts'
import {
  BRIDGE_VLAN_INFO_PVID,
  BRIDGE_VLAN_INFO_RANGE_BEGIN,
  BRIDGE_VLAN_INFO_RANGE_END,
  BRIDGE_VLAN_INFO_UNTAGGED,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_BR_VLAN_FILTERING,
  IFLA_BRIDGE_VLAN_INFO,
  IFLA_BRPORT_ISOLATED,
  IFLA_BRPORT_MODE,
  IFLA_EXT_MASK,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINKINFO,
  IFLA_MTU,
  RTEXT_FILTER_BRVLAN,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from './constants.ts'
import { describe, indexed, type Link, type LinkRef, named } from './link.ts'
import { ifinfomsg, type Request } from './request.ts'

/** `ip link add NAME address MAC mtu N up type bridge vlan_filtering 1` */
export function addBridge(bridge: { name: string; mac?: Mac | undefined; mtu?: number; vlanFiltering?: boolean }): Request {
  const info: Attribute[] = [[IFLA_INFO_KIND, cstr('bridge')]]
  if (bridge.vlanFiltering) info.push([IFLA_INFO_DATA, [[IFLA_BR_VLAN_FILTERING, u8(1)]]])
  const attributes: Attribute[] = [
    [IFLA_IFNAME, cstr(bridge.name)],
    [IFLA_LINKINFO, info],
  ]
  if (bridge.mac) attributes.push([IFLA_ADDRESS, bridge.mac])
  if (bridge.mtu) attributes.push([IFLA_MTU, u32(bridge.mtu)])
  return {
    op: `add link ${bridge.name} type bridge`,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: ifinfomsg({ flags: IFF_UP, change: IFF_UP }),
    attributes,
  }
}

/** `ip link set NAME alias TEXT type bridge_slave hairpin on|off isolated on|off`; the kernel takes no alias when a link is made. */
export function setBridgePort(ref: LinkRef, port: { hairpin: boolean; isolated: boolean; alias: string }): Request {
  const slave: Attribute[] = [
    [IFLA_BRPORT_MODE, u8(Number(port.hairpin))],
    [IFLA_BRPORT_ISOLATED, u8(Number(port.isolated))],
  ]
  return {
    op: `set bridge port ${describe(ref)} hairpin ${port.hairpin} isolated ${port.isolated}`,
    type: RTM_NEWLINK,
    flags: 0,
    body: ifinfomsg(indexed(ref)),
    attributes: [
      ...named(ref),
      [IFLA_IFALIAS, cstr(port.alias)],
      [
        IFLA_LINKINFO,
        [
          [IFLA_INFO_SLAVE_KIND, cstr('bridge')],
          [IFLA_INFO_SLAVE_DATA, slave],
        ],
      ],
    ],
  }
}

/** What setBridgePort sets, as the kernel has it now. */
export function readBridgePort(link: Link): { hairpin: boolean; isolated: boolean } {
  const port = link.info?.get(IFLA_INFO_SLAVE_DATA)?.attributes()
  return { hairpin: port?.get(IFLA_BRPORT_MODE)?.u8() === 1, isolated: port?.get(IFLA_BRPORT_ISOLATED)?.u8() === 1 }
}

/** One VLAN, or the range from `first` to `last`, on a port. `native`: what arrives untagged belongs to it and leaves untagged. */
export interface PortVlan {
  readonly first: number
  readonly last: number
  readonly native: boolean
}

/** `bridge vlan add dev #INDEX vid FIRST-LAST [pvid untagged]`; without VLAN filtering in the kernel: EOPNOTSUPP. */
export function addPortVlan(index: number, vlan: PortVlan): Request {
  return portVlan('add', RTM_SETLINK, index, vlan)
}

/** `bridge vlan del dev #INDEX vid FIRST-LAST` */
export function deletePortVlan(index: number, vlan: PortVlan): Request {
  return portVlan('delete', RTM_DELLINK, index, vlan)
}

/** `bridge vlan show dev #INDEX`: the VLANs now on a port, ranges as the kernel compresses them. */
export function listPortVlans(socket: NetlinkSocket, index: number): PortVlan[] {
  const received = dump(socket, {
    op: `list VLANs of port #${index}`,
    type: RTM_GETLINK,
    flags: 0,
    body: ifinfomsg({ family: AF_BRIDGE }),
    attributes: [[IFLA_EXT_MASK, u32(RTEXT_FILTER_BRVLAN)]],
  })
  return decodePortVlans(received, index)
}

/** The port at `index` in the answers of a dump, which have one message for each bridge and each port. */
export function decodePortVlans(received: readonly Received[], index: number): PortVlan[] {
  const port = received.find(({ body }) => body.i32(4) === index)
  const entries = port?.body.attributes(16).get(IFLA_AF_SPEC)?.list() ?? []
  return entries
    .filter(([type]) => type === IFLA_BRIDGE_VLAN_INFO)
    .map(([, value]) => {
      const flags = value.u16(0)
      const id = value.u16(2)
      return { first: id, last: id, native: (flags & BRIDGE_VLAN_INFO_PVID) !== 0 }
    })
}

function portVlan(verb: string, type: number, index: number, vlan: PortVlan): Request {
  const flags = vlan.native ? BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED : 0
  // struct bridge_vlan_info {__u16 flags; __u16 vid;}
  const info = (extra: number, id: number): Attribute => [IFLA_BRIDGE_VLAN_INFO, concat([u16(flags | extra), u16(id)])]
  const range =
    vlan.first === vlan.last
      ? [info(0, vlan.first)]
      : [info(BRIDGE_VLAN_INFO_RANGE_BEGIN, vlan.first), info(BRIDGE_VLAN_INFO_RANGE_END, vlan.last)]
  return {
    op: `${verb} VLAN ${vlan.first === vlan.last ? vlan.first : `${vlan.first}-${vlan.last}`} on port #${index}`,
    type,
    flags: 0,
    body: ifinfomsg({ family: AF_BRIDGE, index }),
    attributes: [[IFLA_AF_SPEC, range]],
  }
}
