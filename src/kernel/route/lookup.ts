// Which route the kernel takes for a packet.

import type { Address } from '../../net/address.ts'
import { formatAddress } from '../../net/address.ts'
import { addressBits } from '../../net/cidr.ts'
import { exchange, type NetlinkSocket } from '../netlink/socket.ts'
import { RTA_DST, RTA_OIF, RTM_GETROUTE } from './constants.ts'
import { addressFamily, type Request } from './request.ts'

const RTN_LOCAL = 2

export interface NextHop {
  /** True for an address of this namespace. */
  readonly local: boolean
  /** Index of the device it leaves by, 0 where there is none. */
  readonly oif: number
}

/** `ip route get ADDRESS` for each of the addresses; undefined where no route leads there. */
export function lookUpRoutes(socket: NetlinkSocket, addresses: readonly Address[]): (NextHop | undefined)[] {
  const { answers } = exchange(socket, addresses.map(getRoute))
  return addresses.map((_, i) => {
    const body = answers[i]?.[0]?.body
    return body && { local: body.u8(7) === RTN_LOCAL, oif: body.attributes(12).get(RTA_OIF)?.u32() ?? 0 }
  })
}

function getRoute(address: Address): Request {
  const body = new Uint8Array(12)
  body[0] = addressFamily(address)
  body[1] = addressBits(address)
  return { op: `look up route to ${formatAddress(address)}`, type: RTM_GETROUTE, flags: 0, body, attributes: [[RTA_DST, address.bytes]] }
}
