// The `dns` of a plugin that attaches, in place of IPAM's.

import type { Reader } from '../../cni/reader.ts'
import { readDns } from '../../cni/routes-and-dns.ts'
import type { Dns } from '../../cni/types.ts'

/** The network's own `dns` overrides IPAM's as soon as it has any field. */
export function readOwnDns(reader: Reader): Dns | undefined {
  const dns = reader.object('dns', readDns)
  return dns && Object.values(dns).some((value) => value !== undefined) ? dns : undefined
}
