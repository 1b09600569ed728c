// Reads a whole lease directory: which leases are valid and which files have no owner. Reads only; its cost grows with the leases.

import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { formatAddress, parseAddress } from '../net/address.ts'
import { bootTime } from './boot.ts'
import { type Owner, ownerKey, parseOwner } from './lease.ts'
import { indexName, indexPrefix, readEntry } from './owner-index.ts'
import { readText } from './text-file.ts'

export interface Lease {
  /** The address in its canonical text: the file's name. */
  readonly address: string
  /** Absent where the file cannot be read: taken, by an unknown owner. */
  readonly owner?: Owner
}

export interface LeaseScan {
  readonly leases: readonly Lease[]
  /** Names of lease files that hold no address any more: cut short by a crash, or of an earlier boot. */
  readonly dead: readonly string[]
}

/**
 * How far, in seconds, the clock may have been set forward between the boot and now before a lease of another plugin is mistaken for
 * an earlier boot's. Leases of podwire need no clock: the index of their boot names them.
 */
const clockSlack = 60

/** `names` is the directory's listing. No other process may write meanwhile, or a lease that is being written counts as truncated. */
export function scanLeases(directory: string, names: readonly string[], boot: string): LeaseScan {
  const leases: Lease[] = []
  const dead: string[] = []
  // The first sweep after a boot makes that boot's index: where it exists, stale leases have been removed.
  const isEarlier = names.includes(indexName(boot)) ? () => false : earlierBoot(directory, names)
  for (const address of names.filter(isAddress)) {
    try {
      const owner = parseOwner(readText(`${directory}/${address}`))
      if (!owner || isEarlier({ address, owner })) dead.push(address)
      else leases.push({ address, owner })
    } catch (error) {
      if (!isSysError(error)) throw error
      leases.push({ address })
    }
  }
  return { leases, dead }
}

/** True for the canonical text of an address. Everything else in the directory is not a lease: the lock, the last reserved addresses, files of other programs. */
export function isAddress(name: string): boolean {
  try {
    return formatAddress(parseAddress(name)) === name
  } catch {
    return false
  }
}

function earlierBoot(directory: string, names: readonly string[]): (lease: Required<Lease>) => boolean {
  const known = new Set<string>()
  for (const index of names.filter((name) => name.startsWith(indexPrefix))) {
    for (const key of sys.getdents(`${directory}/${index}`)) {
      for (const address of readEntry(`${directory}/${index}/${key}`)) known.add(`${address} ${key}`)
    }
  }
  const oldest = bootTime() - clockSlack
  return ({ address, owner }) => known.has(`${address} ${ownerKey(owner)}`) || sys.lstat(`${directory}/${address}`).mtime < oldest
}
