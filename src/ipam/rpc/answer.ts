// What a service may answer about addresses: read, and checked before anything is made of it. A peer may be wrong about anything.

import type { Reader } from '../../cni/reader.ts'
import { readDns, readRoute } from '../../cni/routes-and-dns.ts'
import type { IpConfig, Result } from '../../cni/types.ts'
import { type Address, formatAddress, isUnspecified, sameAddress } from '../../net/address.ts'
import { type Cidr, cidrContains, formatCidr, setApart } from '../../net/cidr.ts'
import { gatewayProblem, isHostless } from '../gateway.ts'

/** The addresses, at least one. Problems go to the reader. */
export function readLease(reader: Reader): IpConfig[] {
  const ips = reader.objects('ips', readIp) ?? []
  if (ips.length === 0 && reader.issues.length === 0) reader.issue('ips', 'is empty: expected at least one address')
  for (const [i, { address }] of ips.entries()) {
    const isTwice = ips.findIndex((other) => sameAddress(other.address.address, address.address)) !== i
    if (isTwice) reader.issue('ips', `${formatAddress(address.address)} is listed twice`)
  }
  return ips
}

/** The result of an allocation; each of `requested` has to be in it. */
export function readAllocation(reader: Reader, requested: readonly Address[]): Result {
  const ips = readLease(reader)
  for (const address of requested) {
    if (!ips.some((ip) => sameAddress(ip.address.address, address))) reader.issue('ips', `lacks the requested ${formatAddress(address)}`)
  }
  return { interfaces: [], ips, routes: reader.objects('routes', readRoute) ?? [], dns: reader.object('dns', readDns) ?? {} }
}

function readIp(reader: Reader): IpConfig | undefined {
  if (!reader.has('address')) reader.issue('address', 'is missing')
  const address = reader.cidr('address')
  const gateway = reader.address('gateway')
  if (!address) return undefined
  const problem = addressProblem(address)
  if (problem) reader.issue('address', problem)
  const wrong = gateway && gatewayProblem(gateway, address)
  if (wrong) reader.issue('gateway', wrong)
  if (gateway && cidrContains(address, gateway) && sameAddress(gateway, address.address)) {
    reader.issue('gateway', `${formatAddress(gateway)} is the pod's own address`)
  }
  return gateway ? { address, gateway } : { address }
}

/** Why no pod can have this address; undefined where one can. */
function addressProblem(cidr: Cidr): string | undefined {
  if (isUnspecified(cidr.address) || isHostless(cidr.address)) return `${formatCidr(cidr)} is not an address that a pod can have`
  const reserved = setApart(cidr)
  return reserved && `${formatCidr(cidr)} is the ${reserved} of its subnet`
}
