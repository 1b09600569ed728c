// The `dns` of a plugin that attaches, beside what IPAM says.

import type { Reader } from '../../cni/reader.ts'
import { readDns } from '../../cni/routes-and-dns.ts'
import type { Dns } from '../../cni/types.ts'

/** The network's own `dns` overrides what IPAM says, as soon as it has any field. */
export function readOwnDns(reader: Reader): Dns | undefined {
  const dns = reader.object('dns', readDns)
  return dns && Object.values(dns).some((value) => value !== undefined) ? dns : undefined
}
