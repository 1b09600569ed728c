// The section `ipamServer` of the agent's configuration.

import type { Reader } from '../../cni/reader.ts'
import { type Pool, poolProblems } from './pools.ts'

/** `network` is the one that the conflist names: its leases are what is served. */
export interface IpamServerConfig {
  readonly enabled: boolean
  readonly network: string
  readonly pools: readonly Pool[]
}

/** Problems go to the reader. */
export function readIpamServer(reader: Reader): IpamServerConfig {
  const number = (entry: Reader, key: string) => {
    if (!entry.has(key)) entry.issue(key, 'is missing')
    return entry.integer(key, 1, 2 ** 32) ?? 0
  }
  const pools = reader.objects('pools', (entry) => ({
    name: entry.string('name') ?? '',
    from: number(entry, 'from'),
    to: number(entry, 'to'),
  }))
  for (const problem of poolProblems(pools ?? [])) reader.issue('', `pools${problem}`)
  return { enabled: reader.boolean('enabled') ?? false, network: reader.string('network') || 'podwire', pools: pools ?? [] }
}
