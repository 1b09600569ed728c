// STATUS of `host-local`: whether an ADD would get its addresses. Reads only, without the lock: a runtime calls it every few seconds.

import { CniError, ErrPluginNotAvailable } from '../cni/error.ts'
import type { StatusRequest } from '../cni/plugin.ts'
import { ENOENT } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { parseAddress } from '../net/address.ts'
import { bootId } from './boot.ts'
import type { HostLocalConfig } from './host-local-config.ts'
import { capacity, formatRangeSet, givesOut } from './range.ts'
import { scanLeases } from './scan.ts'

/** The directory of a network's leases. */
export function leaseDirectory({ config, network }: { readonly config: HostLocalConfig; readonly network: string }): string {
  return `${config.dataDir}/${network}`
}

/**
 * Throws CniError 50 where a set is exhausted or the data directory cannot be written; a missing one is fine. A runtime then makes the node NotReady, of which
 * Kubernetes evicts pods that run: with `checkStatus: false` it succeeds, and the agent keeps new pods away by the condition NetworkUnavailable.
 */
export function status(request: StatusRequest<HostLocalConfig>): void {
  if (!request.config.checkStatus) return
  const directory = leaseDirectory(request)
  const names = listing(directory)
  for (const set of request.config.sets) {
    const room = capacity(set)
    // Mostly the number of names decides; only when they would fill the set it matters which of them are valid leases.
    if (names.length < room) continue
    const used = scanLeases(directory, names, bootId()).leases.filter(({ address }) => givesOut(set, parseAddress(address))).length
    if (used < room) continue
    const figures = `${used} of ${room} addresses are in use, in ${directory}`
    throw new CniError(ErrPluginNotAvailable, `no IP addresses available in range set: ${formatRangeSet(set)}`, figures)
  }
}

function listing(directory: string): string[] {
  try {
    requireWritable(directory)
    return sys.getdents(directory)
  } catch (error) {
    if (isSysError(error, ENOENT)) return []
    if (isSysError(error)) throw new CniError(ErrPluginNotAvailable, `data directory cannot be used: ${directory}`, error.message)
    throw error
  }
}

// unistd.h
const X_OK = 1
const W_OK = 2

/** The directory, or the nearest one above it that exists, where ADD would make it. */
function requireWritable(directory: string): void {
  try {
    // The dot makes a file in the directory's place ENOTDIR.
    sys.access(`${directory}/.`, W_OK | X_OK)
  } catch (error) {
    const slash = directory.lastIndexOf('/')
    if (!isSysError(error, ENOENT) || directory === '') throw error
    requireWritable(slash < 0 ? '.' : directory.slice(0, slash))
  }
}
