// The leases of one network on disk, `<dataDir>/<network>/<ip>`, in host-local's format and under its lock: both may work on them alternately.
// A lease appears with its whole content. Nothing is flushed, because a lease does not outlive the boot.

import { CniError, ErrTryAgainLater } from '../cni/error.ts'
import { EEXIST, ENOENT } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { type Address, formatAddress, parseAddress } from '../net/address.ts'
import { bootId } from './boot.ts'
import { formatOwner, type Owner, ownerKey, parseOwner, sameOwner } from './lease.ts'
import { withLock } from './lease-lock.ts'
import { type OwnerIndex, openOwnerIndex } from './owner-index.ts'
import { isAddress, type Lease } from './scan.ts'
import { sweep, tempName } from './sweep.ts'
import { createText, overwriteText, readText } from './text-file.ts'

/** Runs `body` on the network's leases, under their lock; makes the directory. Throws CniError 11 where the lock is not released in ten seconds. */
export function withLeases<T>(directory: string, body: (store: LeaseStore) => T): T {
  const there = withExistingLeases(directory, body)
  if (there) return there.value
  makeDirectory(directory)
  const made = withExistingLeases(directory, body)
  if (!made) throw new CniError(ErrTryAgainLater, `lease directory is being removed: ${directory}`)
  return made.value
}

/** The same where the directory exists; undefined where it does not, which means no leases. */
export function withExistingLeases<T>(directory: string, body: (store: LeaseStore) => T): { readonly value: T } | undefined {
  return withLock(directory, () => {
    const store = new LeaseStore(directory)
    try {
      return body(store)
    } finally {
      store.finish()
    }
  })
}

/** After so many taken addresses one listing of the directory is cheaper than further tries. */
const MAX_MISSES = 32

export class LeaseStore {
  readonly #directory: string
  readonly #boot = bootId()
  readonly #index: OwnerIndex
  /** The temp's owner: the temp is linked to each address that the owner takes. */
  #written: Owner | undefined
  #misses = 0
  #names: ReadonlySet<string> | undefined
  /** Whether the index has to be sealed again. */
  #changed = false
  readonly #lastReserved = new Map<number, string>()

  constructor(directory: string) {
    this.#directory = directory
    this.#index = openOwnerIndex(directory, this.#boot)
    if (!this.#index.complete) this.leases()
  }

  /** The addresses of exactly this owner. */
  addressesOf(owner: Owner): Address[] {
    const key = ownerKey(owner)
    // An edit of a lease file leaves the directory's time alone: the index counts only where the file agrees.
    if (!this.#index.get(key).every((address) => this.#isOwner(address, owner))) this.leases()
    return this.#index.get(key).map(parseAddress)
  }

  /** Writes the lease; false where the address is taken. */
  take(address: Address, owner: Owner): boolean {
    const name = formatAddress(address)
    if (this.#names?.has(name)) return false
    this.#temp(owner)
    try {
      sys.link(this.#path(tempName), this.#path(name))
    } catch (error) {
      if (!isSysError(error, EEXIST)) throw error
      this.#misses++
      if (this.#misses === MAX_MISSES) this.#names = new Set(sys.getdents(this.#directory))
      return false
    }
    const key = ownerKey(owner)
    this.#index.set(key, [...this.#index.get(key), name])
    return true
  }

  /** Removes a lease of the owner's that `addressesOf`, `take` or `leases` returned: they have checked that it is the owner's. */
  release(address: Address, owner: Owner): void {
    const name = formatAddress(address)
    const key = ownerKey(owner)
    this.#changed = true
    sys.unlink(this.#path(name))
    this.#index.set(
      key,
      this.#index.get(key).filter((other) => other !== name),
    )
  }

  /** Marks the lease as used now: it is not reclaimed while a repeated ADD runs. */
  renew(address: Address): void {
    try {
      sys.utimensat(this.#path(formatAddress(address)), Math.floor(sys.clock_gettime(0)))
    } catch (error) {
      // On a read-only file system nothing can be reclaimed either.
      if (!isSysError(error)) throw error
    }
  }

  /** Seconds since the lease was taken or renewed. */
  ageOf(address: Address): number {
    return sys.clock_gettime(0) - sys.lstat(this.#path(formatAddress(address))).mtime
  }

  /** Every lease, from the files; files without an owner are removed, and the index is rebuilt. */
  leases(): readonly Lease[] {
    this.#changed = true
    const leases = sweep(this.#directory, this.#boot)
    const entries = new Map<string, string[]>()
    for (const { address, owner } of leases) {
      if (!owner) continue
      const key = ownerKey(owner)
      const others = entries.get(key)
      if (others) others.push(address)
      else entries.set(key, [address])
    }
    this.#index.replace(entries)
    return leases
  }

  /** Where a range set's round robin stands; undefined where the file cannot be read. */
  lastReserved(set: number): Address | undefined {
    const text = this.#readLastReserved(set)
    return isAddress(text) ? parseAddress(text) : undefined
  }

  setLastReserved(set: number, address: Address): void {
    this.#changed = true
    const previous = this.#lastReserved.get(set) ?? this.#readLastReserved(set)
    overwriteText(this.#path(`last_reserved_ip.${set}`), formatAddress(address), previous)
  }

  /** The last call. It never fails: the leases are on disk, and without the seal the next store only reads them all. */
  finish(): void {
    try {
      if (this.#written) sys.unlink(this.#path(tempName))
    } catch (error) {
      if (!isSysError(error)) throw error
    }
    if (this.#changed) this.#index.seal()
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`
  }

  #isOwner(name: string, owner: Owner): boolean {
    try {
      const found = parseOwner(readText(this.#path(name)))
      return found !== undefined && sameOwner(found, owner)
    } catch (error) {
      if (isSysError(error, ENOENT)) return false
      throw error
    }
  }

  #temp(owner: Owner): void {
    if (this.#written && sameOwner(this.#written, owner)) return
    this.#changed = true
    if (this.#written) sys.unlink(this.#path(tempName))
    this.#written = undefined
    createText(this.#path(tempName), formatOwner(owner))
    this.#written = owner
  }

  #readLastReserved(set: number): string {
    let text = ''
    try {
      text = readText(this.#path(`last_reserved_ip.${set}`))
    } catch (error) {
      if (!isSysError(error, ENOENT)) throw error
    }
    this.#lastReserved.set(set, text)
    return text
  }
}

function makeDirectory(path: string): void {
  try {
    sys.mkdir(path, 0o755)
  } catch (error) {
    if (isSysError(error, EEXIST)) return
    const slash = path.lastIndexOf('/')
    if (!isSysError(error, ENOENT) || slash <= 0) throw error
    makeDirectory(path.slice(0, slash))
    makeDirectory(path)
  }
}
