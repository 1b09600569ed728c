// VXLAN devices: Ethernet frames in UDP to the node that the forwarding table names.

import { type Address, formatAddress } from '../../net/address.ts'
import type { Mac } from '../../net/mac.ts'
import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/constants.ts'
import { type Attribute, be16, cstr, u8, u32 } from '../netlink/encode.ts'
import { IFF_UP, IFLA_ADDRESS, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_MTU, RTM_NEWLINK } from './constants.ts'
import type { Link } from './link.ts'
import { ifinfomsg, type Request } from './request.ts'

// linux/if_link.h
const IFLA_VXLAN_ID = 1
const IFLA_VXLAN_LOCAL = 4
const IFLA_VXLAN_LEARNING = 7
const IFLA_VXLAN_PORT = 15
const IFLA_VXLAN_LOCAL6 = 17

export interface Vxlan {
  readonly name: string
  /** The network identifier. */
  readonly vni: number
  /** UDP. */
  readonly port: number
  /** The address that the outer packets come from; its family is that of all outer packets. */
  readonly local: Address
  readonly mac: Mac
  readonly mtu: number
}

/** What a device of the kind has of its own. */
export interface VxlanInfo {
  readonly vni: number
  readonly port: number
  readonly local: Uint8Array
  readonly learning: boolean
}

/** `ip link add NAME address MAC mtu N up type vxlan id VNI dstport PORT local ADDRESS nolearning` */
export function addVxlan({ name, vni, port, local, mac, mtu }: Vxlan): Request {
  const data: Attribute[] = [
    [IFLA_VXLAN_ID, u32(vni)],
    [local.family === 4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, local.bytes],
    [IFLA_VXLAN_LEARNING, u8(0)],
    [IFLA_VXLAN_PORT, be16(port)],
  ]
  return {
    op: `add link ${name} type vxlan id ${vni} dstport ${port} local ${formatAddress(local)}`,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: ifinfomsg({ flags: IFF_UP, change: IFF_UP }),
    attributes: [
      [IFLA_IFNAME, cstr(name)],
      [IFLA_MTU, u32(mtu)],
      [IFLA_ADDRESS, mac],
      [
        IFLA_LINKINFO,
        [
          [IFLA_INFO_KIND, cstr('vxlan')],
          [IFLA_INFO_DATA, data],
        ],
      ],
    ],
  }
}

/** Undefined for a link of another kind. */
export function readVxlan({ kind, info }: Link): VxlanInfo | undefined {
  const data = kind === 'vxlan' ? info?.get(IFLA_INFO_DATA)?.attributes() : undefined
  if (!data) return undefined
  const port = data.get(IFLA_VXLAN_PORT)
  return {
    vni: data.get(IFLA_VXLAN_ID)?.u32() ?? 0,
    port: port ? (port.u8(0) << 8) | port.u8(1) : 0,
    local: (data.get(IFLA_VXLAN_LOCAL) ?? data.get(IFLA_VXLAN_LOCAL6))?.bytes() ?? new Uint8Array(0),
    learning: data.get(IFLA_VXLAN_LEARNING)?.u8() === 1,
  }
}
