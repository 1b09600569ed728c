// Ranges for tests, out of their texts.

import type { Range } from '../../src/ipam/range.ts'
import { nextAddress, parseAddress } from '../../src/net/address.ts'
import { lastAddress, parseCidr } from '../../src/net/cidr.ts'

export function range(subnet: string, given: { start?: string; end?: string; gateway?: string } = {}): Range {
  const cidr = parseCidr(subnet)
  const first = nextAddress(cidr.address)
  const last = lastAddress(cidr)
  return {
    subnet: cidr,
    start: given.start ? parseAddress(given.start) : first,
    end: given.end ? parseAddress(given.end) : last.family === 4 ? nextAddress(last, -1) : last,
    gateway: given.gateway ? parseAddress(given.gateway) : first,
  }
}
