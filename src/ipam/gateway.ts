// What cannot be a gateway, whatever the network looks like. One outside the subnet can: by a route on the link, or fe80::1. Pure.

import { type Address, formatAddress } from '../net/address.ts'
import { type Cidr, cidrContains, formatCidr, networkOf, setApart } from '../net/cidr.ts'

/** Why hosts of the subnet cannot have this gateway; undefined where they can. */
export function gatewayProblem(gateway: Address, subnet: Cidr): string | undefined {
  const { family } = subnet.address
  if (gateway.family !== family) {
    return `${formatAddress(gateway)} is an IPv${gateway.family} address, ${formatCidr(networkOf(subnet))} is IPv${family}`
  }
  if (isHostless(gateway)) return `${formatAddress(gateway)} is not an address that a gateway can have`
  const isBroadcast = setApart({ address: gateway, length: subnet.length }) === 'broadcast address' && cidrContains(subnet, gateway)
  return isBroadcast ? `${formatAddress(gateway)} is the broadcast address of ${formatCidr(networkOf(subnet))}` : undefined
}

/** 224.0.0.0/4, 127.0.0.0/8, 255.255.255.255; ff00::/8, ::1. By bytes: every ADD comes here, and parsing is what would cost. */
export function isHostless({ family, bytes }: Address): boolean {
  const [first = 0] = bytes
  if (family === 4) return (first & 0xf0) === 0xe0 || first === 127 || (first === 0xff && bytes.every((byte) => byte === 0xff))
  return first === 0xff || (first === 0 && bytes.every((byte, i) => byte === (i === 15 ? 1 : 0)))
}
