// How much of the node's ranges is allocated: host-local names lease files by their addresses, so counting names is enough.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import IpCidr from 'ip-cidr'
import { leaseRoot } from '../../contract/paths.ts'

export interface PoolUse {
  readonly podCidr: string
  /** Addresses that pods can have. */
  readonly size: number
  readonly used: number
}

/** Of each podCIDR, from the leases under `runDir`. A missing directory has no leases; what is not a podCIDR is skipped. */
export async function poolUse(runDir: string, podCidrs: readonly string[]): Promise<PoolUse[]> {
  const leased = await leasedAddresses(leaseRoot({ runDir }))
  return podCidrs
    .filter((podCidr) => IpCidr.isValidCIDR(podCidr))
    .map((podCidr) => {
      const range = new IpCidr(podCidr)
      return { podCidr, size: usable(range), used: leased.filter((address) => range.contains(address)).length }
    })
}

/** The network's own address and the gateway are not given out, nor the broadcast address of an IPv4 network. */
function usable(range: IpCidr): number {
  return Math.max(0, Number(range.size) - (range.cidr.includes(':') ? 2 : 3))
}

async function leasedAddresses(dir: string): Promise<string[]> {
  const networks = await namesIn(dir)
  const names = await Promise.all(networks.map((network) => namesIn(join(dir, network))))
  return names.flat().filter((name) => IpCidr.isValidAddress(name))
}

async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch(() => [])
}
