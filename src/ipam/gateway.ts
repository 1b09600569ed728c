// What cannot be a gateway, whatever the network looks like. One outside the subnet can: by a route on the link, or fe80::1. Pure.

import { type Address, formatAddress } from '../net/address.ts'
import { type Cidr, cidrContains, formatCidr, networkOf, parseCidr, setApart } from '../net/cidr.ts'

/** Why no host of the subnet can have this gateway; undefined where one can. */
export function gatewayProblem(gateway: Address, subnet: Cidr): string | undefined {
  const [text, network] = [formatAddress(gateway), formatCidr(networkOf(subnet))]
  const { family } = subnet.address
  if (gateway.family !== family) return `${text} is an IPv${gateway.family} address, ${network} is IPv${family}`
  if (nobody.some((cidr) => cidrContains(parseCidr(cidr), gateway))) return `${text} is no address that a gateway can have`
  const isBroadcast = cidrContains(subnet, gateway) && setApart({ address: gateway, length: subnet.length }) === 'broadcast address'
  return isBroadcast ? `${text} is the broadcast address of ${network}` : undefined
}

/** Multicast, loopback, and broadcast. */
const nobody = ['224.0.0.0/4', '127.0.0.0/8', '255.255.255.255/32', 'ff00::/8', '::1/128']
