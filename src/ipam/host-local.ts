// The verbs of `host-local`: addresses out of ranges, one lease file each, on this host's disk.

import { CniError, ErrInternal, ErrInvalidNetworkConfig, ErrTryAgainLater, gatherErrors } from '../cni/error.ts'
import type { GcRequest, Request } from '../cni/plugin.ts'
import type { IpConfig, Result, ValidAttachment } from '../cni/types.ts'
import { withUndo } from '../cni/undo.ts'
import { type Address, formatAddress, parseAddress, sameAddress } from '../net/address.ts'
import { assignRequests, candidates } from './allocator.ts'
import { type HostLocalConfig, readHostLocalConfig } from './host-local-config.ts'
import { leaseDirectory, status } from './host-local-status.ts'
import type { Owner } from './lease.ts'
import { formatRangeSet, type Range, type RangeSet, rangeOf, reservedAs } from './range.ts'
import { parseResolvConf } from './resolv-conf.ts'
import { type LeaseStore, withExistingLeases, withLeases } from './store.ts'
import { readText } from './text-file.ts'

export const hostLocalIpam = { config: readHostLocalConfig, add, del, check, gc, status }

/** One address of each range set. The attachment's own leases are reused; what this call took is released when a later set fails. */
function add(request: Request<HostLocalConfig>): Result {
  const { config } = request
  const dns = config.resolvConf ? parseResolvConf(readText(config.resolvConf)) : {}
  const { assigned, unplaced } = assignRequests(config.sets, config.requested)
  if (unplaced.length > 0) throw new CniError(ErrInvalidNetworkConfig, `failed to allocate all requested IPs: ${unplaced.join(' ')}`)
  const ips = withLeases(leaseDirectory(request), (store) => allocate(store, request, assigned))
  return { interfaces: [], ips, routes: config.routes, dns }
}

/** Needs no valid ranges, and succeeds without a lease. */
function del(request: Request<HostLocalConfig>): void {
  withExistingLeases(leaseDirectory(request), (store) => {
    const { owner, addresses } = leasesOf(store, request)
    for (const address of addresses) store.release(address, owner)
  })
}

/** Each set has a lease of the attachment, and prevResult lists each. */
function check(request: Request<HostLocalConfig>): void {
  const { config, containerId, prevResult } = request
  const found = withExistingLeases(leaseDirectory(request), (store) => leasesOf(store, request).addresses)
  const addresses = found?.value ?? []
  if (addresses.length === 0) throw new CniError(ErrInternal, `host-local: Failed to find address added by container ${containerId}`)
  for (const set of config.sets) {
    const address = addresses.find((leased) => rangeOf(set, leased))
    if (!address) throw new CniError(ErrInternal, `host-local: container ${containerId} has no address of range set ${formatRangeSet(set)}`)
    if (prevResult && !prevResult.ips.some((ip) => sameAddress(ip.address.address, address))) {
      throw new CniError(ErrInternal, `host-local: prevResult lacks the address ${formatAddress(address)} of container ${containerId}`)
    }
  }
}

/** Releases what no attachment of the list owns. Without a list nothing is stale. */
function gc(request: GcRequest<HostLocalConfig>): void {
  const { valid } = request
  if (!valid) return
  withExistingLeases(leaseDirectory(request), (store) => {
    const isStale = staleAmong(valid)
    const releases = store.leases().flatMap(({ address, owner }) => {
      return owner && isStale(owner) ? [() => store.release(parseAddress(address), owner)] : []
    })
    gatherErrors('GC', releases)
  })
}

function allocate(store: LeaseStore, request: Request<HostLocalConfig>, assigned: readonly (Address | undefined)[]): IpConfig[] {
  const { config, containerId, ifname } = request
  const owner = { containerId, ifname }
  const had = store.addressesOf(owner)
  return withUndo((undo) => {
    const taken = new Map<number, Address>()
    const replaced: Address[] = []
    const ips = config.sets.map((set, i) => {
      const requested = assigned[i]
      const owned = had.filter((address) => rangeOf(set, address))
      const reused = requested ? owned.find((address) => sameAddress(address, requested)) : owned[0]
      const address = reused ?? takeFrom(store, set, owner, i, requested)
      if (reused) store.renew(reused)
      else {
        undo(`release ${formatAddress(address)}`, () => store.release(address, owner))
        taken.set(i, address)
        // Of an ADD that requested another address, and was not followed by a DEL.
        replaced.push(...owned)
      }
      return ipConfig(address, rangeOf(set, address))
    })
    // Last, so that a failure leaves the round robin where it was, and what there was before.
    for (const [i, address] of taken) store.setLastReserved(i, address)
    for (const address of replaced) store.release(address, owner)
    return ips
  })
}

function takeFrom(store: LeaseStore, set: RangeSet, owner: Owner, i: number, requested: Address | undefined): Address {
  const fail = (code: number, problem: string): never => {
    throw new CniError(code, `failed to allocate for range ${i}: ${problem}`)
  }
  if (requested) {
    const text = formatAddress(requested)
    const reserved = reservedAs(set, requested)
    if (reserved) return fail(ErrInvalidNetworkConfig, `requested ip ${text} is subnet's ${reserved}`)
    if (store.take(requested, owner)) return requested
    return fail(ErrTryAgainLater, `requested IP address ${text} is not available in range set ${formatRangeSet(set)}`)
  }
  for (const { address } of candidates(set, store.lastReserved(i))) {
    if (store.take(address, owner)) return address
  }
  return fail(ErrTryAgainLater, `no IP addresses available in range set: ${formatRangeSet(set)}`)
}

function ipConfig(address: Address, range: Range | undefined): IpConfig {
  if (!range) throw new RangeError(`${formatAddress(address)} is in no range of its set`)
  return { address: { address, length: range.subnet.length }, gateway: range.gateway }
}

/** The attachment's leases; where it has none, those that old records give to its container as a whole. */
function leasesOf(store: LeaseStore, { containerId, ifname }: Request<HostLocalConfig>): { owner: Owner; addresses: Address[] } {
  const owner = { containerId, ifname }
  const addresses = store.addressesOf(owner)
  return addresses.length > 0 ? { owner, addresses } : { owner: { containerId }, addresses: store.addressesOf({ containerId }) }
}

function staleAmong(valid: readonly ValidAttachment[]): (owner: Owner) => boolean {
  const containers = new Set(valid.map(({ containerId }) => containerId))
  const attachments = new Set(valid.map(({ containerId, ifname }) => `${containerId} ${ifname}`))
  return ({ containerId, ifname }) => (ifname === undefined ? !containers.has(containerId) : !attachments.has(`${containerId} ${ifname}`))
}
